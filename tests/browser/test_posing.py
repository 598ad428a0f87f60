"""From a photo to a new pose: what a new user does first."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from posable.pose.files import read_pose

pytestmark = pytest.mark.browser


def test_the_person_in_a_chosen_photo_is_found_and_drawn(studio: Any, examples: Path, detector: None) -> None:
    with studio.page.expect_file_chooser() as chooser:
        studio.page.get_by_role("button", name="Choose a photo").click()
    chooser.value.set_files(examples / "person.png")
    studio.settled()
    assert studio.result().size == Image.open(examples / "person.png").size
    truth = read_pose(examples / "person.json").named()
    shown = studio.page.locator("#photo-skeleton [data-joint=left_hip]").get_attribute("transform")
    x, y = (float(number) for number in shown.removeprefix("translate(").removesuffix(")").split())
    assert abs(x - truth["left_hip"][0]) < 20
    assert abs(y - truth["left_hip"][1]) < 20
    studio.choose(studio.page.get_by_role("button", name="Pose from a photo or file"), examples / "person.png")
    studio.page.wait_for_function("() => !document.querySelector('#undo').disabled")
    studio.settled()
    assert studio.page.locator("#problem").is_hidden()


def test_the_result_follows_a_joint_while_it_is_dragged_and_undo_takes_it_back(studio: Any, changed: Any) -> None:
    studio.open_person("Robin")
    before = studio.result()
    x, y = studio.centre("left_wrist")
    src = studio.page.locator("#result").get_attribute("src")
    studio.page.mouse.move(x, y)
    studio.page.mouse.down()
    studio.page.mouse.move(x + 60, y - 200, steps=4)
    studio.page.wait_for_function("src => document.querySelector('#result').src !== src", arg=src)
    studio.page.mouse.up()
    studio.page.wait_for_function("() => document.querySelector('#result-joint').innerText.includes('left wrist')")
    studio.settled()
    raised = studio.result()
    assert raised.size == before.size
    assert changed(before, raised) > 1
    studio.page.keyboard.press("Control+z")
    studio.settled()
    assert changed(before, studio.result()) == 0


def test_a_preset_is_fitted_to_the_person_and_its_files_are_downloaded(studio: Any, tmp_path: Path) -> None:
    studio.open_person("Robin")
    studio.press_preset("walk left")
    with studio.page.expect_download() as picture:
        studio.page.get_by_role("button", name="Download", exact=True).click()
    assert picture.value.suggested_filename == "robin-walk-left.png"
    assert Image.open(picture.value.path()).size == (352, 512)
    with studio.page.expect_download() as pose:
        studio.page.get_by_role("button", name="Save pose").click()
    file = tmp_path / pose.value.suggested_filename
    pose.value.save_as(file)
    assert file.name == "walk-left.json"
    saved = read_pose(file)
    assert saved.size == (512, 352)

    studio.page.get_by_role("button", name="Reset").click()
    standing = studio.joint("left_ankle").get_attribute("transform")
    with studio.page.expect_file_chooser() as chooser:
        studio.page.get_by_role("button", name="Pose from a photo or file").click()
    studio.page.get_by_label("Fit poses to this person").uncheck()
    chooser.value.set_files(file)
    studio.page.wait_for_function(
        "standing => document.querySelector('#result-skeleton [data-joint=left_ankle]').getAttribute('transform')"
        " !== standing",
        arg=standing,
    )
    studio.settled()
    with studio.page.expect_download() as again:
        studio.page.get_by_role("button", name="Save pose").click()
    assert json.loads(Path(again.value.path()).read_text()) == json.loads(file.read_text())


def test_a_strip_of_poses_comes_as_one_zip_of_pictures_or_moves(studio: Any) -> None:
    studio.open_person("Kim")
    studio.page.get_by_role("button", name="Draw many").click()
    studio.page.get_by_role("button", name="None").click()
    for name in ("wave", "step"):
        studio.page.get_by_role("button", name=name, exact=True).click()
    studio.page.get_by_role("button", name="Draw 2 poses").click()
    studio.page.wait_for_function("() => document.querySelector('#strip-facts').textContent.startsWith('2 drawn')")
    with studio.page.expect_download() as archive:
        studio.page.get_by_role("button", name="Download all").click()
    with zipfile.ZipFile(archive.value.path()) as files:
        assert sorted(files.namelist()) == ["kim-step.png", "kim-wave.png"]
        assert files.testzip() is None
        assert Image.open(files.open("kim-wave.png")).size == (352, 512)
    assert studio.page.locator("#strip-seconds").is_hidden()
    studio.page.locator("#strip-format").select_option("gif")
    studio.page.locator("#strip-seconds").fill("0.2")
    with studio.page.expect_download() as moving:
        studio.page.get_by_role("button", name="Download all").click()
    assert moving.value.suggested_filename == "kim-poses.gif"
    with Image.open(moving.value.path()) as picture:
        assert (picture.size, picture.n_frames, picture.info["duration"]) == ((352, 512), 2, 200)


def test_a_broken_file_is_refused_with_a_sentence_and_the_page_goes_on(studio: Any, tmp_path: Path) -> None:
    broken = tmp_path / "holiday.jpg"
    broken.write_bytes(b"no picture at all")
    with studio.page.expect_file_chooser() as chooser:
        studio.page.get_by_role("button", name="Choose a photo").click()
    chooser.value.set_files(broken)
    sentence = studio.problem()
    assert "'holiday.jpg'" in sentence
    assert sentence.endswith(".")
    assert "Error" not in sentence
    studio.open_person("Noa")
    assert studio.page.locator("#problem").is_hidden()


def test_a_source_that_the_service_has_forgotten_is_sent_again(studio: Any) -> None:
    studio.open_person("Robin")
    ids: list[str] = []
    studio.page.on("request", lambda request: ids.append(request.url))
    studio.press_preset("wave")
    source = ids[0].split("/sources/")[1].split("/")[0]
    studio.page.evaluate("id => fetch(`v1/sources/${id}`, { method: 'DELETE' })", source)
    studio.press_preset("step")
    assert studio.page.locator("#problem").is_hidden()
