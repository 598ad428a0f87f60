"""Makes src/posable/body/assets/lifter.safetensors: samples poses, then trains on views of them.

    python scripts/train_lifter.py sample WORK --poses 24000
    python scripts/train_lifter.py watch WORK
    python scripts/train_lifter.py train WORK --steps 4000
    python scripts/train_lifter.py export WORK

WORK is a folder for what is in between; each stage goes on where it was interrupted. `watch` renders people and lets
BlazePose look at them, to learn how its points lie beside ours. For training poses are not rendered: a view
is the keypoints of a posed body, as a detector might give them - noisy, a little beside the joints, some of them
hidden or cut off - and sometimes with the depth that a detector has an opinion of.
"""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file, save_file
from torch import Tensor, nn

from lifter_views import LEFT_HIP, RIGHT_HIP, DetectorBias, PosedPeople, Views, main_joints, sample_views
from posable.body import lifter as network
from posable.body.joint_groups import GROUP_OF_JOINT, SHARE_OF_JOINT, gathered_by_group
from posable.body.kinematics import forward_kinematics
from posable.body.reduced import merged_rotations, reduced_body
from posable.imaging.size import Size
from posable.pose.pose import OPENPOSE_18

WIDTH, BLOCKS = 448, 3


class Network(nn.Module):
    """As posable.body.lifter.Lifter runs it."""

    def __init__(self) -> None:
        super().__init__()
        self.input = nn.Linear(network.NUM_FEATURES, WIDTH)
        self.blocks = nn.ModuleList([nn.Linear(WIDTH, WIDTH) for _ in range(BLOCKS)])
        self.output = nn.Linear(WIDTH, network.NUM_HYPOTHESES * network.NUM_OUTPUTS)
        upright = np.zeros((network.NUM_HYPOTHESES, network.NUM_OUTPUTS), np.float32)
        columns = upright[:, 3 * len(network.SHARED) : 3 * len(network.SHARED) + 6 * len(network.SINGLE)]
        columns.reshape(network.NUM_HYPOTHESES, -1, 6)[..., [0, 4]] = 1
        # The hypotheses must differ before one of them can be the nearest.
        for row, yaw in enumerate((0.0, np.pi, np.pi / 2)):
            columns[row, :6] = (np.cos(yaw), np.sin(yaw), 0, -np.sin(yaw), np.cos(yaw), 0)
        with torch.no_grad():
            self.output.weight.mul_(0.3)
            self.output.bias.copy_(torch.from_numpy(upright.ravel()))

    def forward(self, given: Tensor) -> Tensor:
        hidden = self.input(given)
        for block in self.blocks:
            hidden = hidden + block(nn.functional.silu(hidden))
        output = self.output(nn.functional.silu(hidden))
        return output.unflatten(-1, (network.NUM_HYPOTHESES, network.NUM_OUTPUTS))


class Kinematics:
    """Forward kinematics of the reduced body in torch."""

    def __init__(self) -> None:
        body = reduced_body()

        def tensor(array: np.ndarray) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(array, np.float32))

        self.parents = body.parents.tolist()
        self.heads, self.head_basis = tensor(body.heads), tensor(body.head_basis)
        self.parts, self.part_basis = tensor(body.part_points), tensor(body.part_basis)
        self.part_joint = torch.from_numpy(body.part_joint)
        sums = np.zeros((18, len(body.part_joint)), np.float32)
        sums[body.part_keypoint, np.arange(len(body.part_joint))] = body.part_weight
        self.sums = tensor(sums)
        self.share = tensor(SHARE_OF_JOINT)

    def keypoints(self, raw: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Keypoints (n, 18, 3), turns (n, 17, 3, 3) and shape (n, s) of raw outputs (n, outputs)."""
        split, end = 3 * len(network.SHARED), 3 * len(network.SHARED) + 6 * len(network.SINGLE)
        vectors = raw[:, :split].unflatten(-1, (-1, 3))
        single = from_two_columns(raw[:, split:end].unflatten(-1, (-1, 2, 3)))
        shape = raw[:, end:-1]
        shared = rotation_of(vectors)
        turns = torch.cat([single[:, :1], shared, single[:, 1:]], 1)
        heads = self.heads + torch.einsum("ns,sjx->njx", shape, self.head_basis)
        parts = self.parts + torch.einsum("ns,sex->nex", shape, self.part_basis)
        turned, joints = [turns[:, 0]], [torch.zeros_like(heads[:, 0])]
        for joint in range(1, len(self.parents)):
            parent, group = self.parents[joint], int(GROUP_OF_JOINT[joint])
            local = turns[:, group]
            if group in network.SHARED:
                local = rotation_of(vectors[:, network.SHARED.index(group)] * self.share[joint])
            turned.append(turned[parent] @ local)
            bone = (heads[:, joint] - heads[:, parent]).unsqueeze(-1)
            joints.append(joints[parent] + (turned[parent] @ bone).squeeze(-1))
        all_turns, all_joints = torch.stack(turned, 1), torch.stack(joints, 1)
        lever = (parts - heads[:, self.part_joint]).unsqueeze(-1)
        posed = all_joints[:, self.part_joint] + (all_turns[:, self.part_joint] @ lever).squeeze(-1)
        return self.sums @ posed, turns, shape


def from_two_columns(columns: Tensor) -> Tensor:
    first = nn.functional.normalize(columns[..., 0, :], dim=-1)
    second = columns[..., 1, :] - (columns[..., 1, :] * first).sum(-1, keepdim=True) * first
    second = nn.functional.normalize(second, dim=-1)
    return torch.stack([first, second, torch.linalg.cross(first, second)], -1)


def rotation_of(vectors: Tensor) -> Tensor:
    square = (vectors * vectors).sum(-1)[..., None, None].clamp_min(1e-8)
    angle = square.sqrt()
    x, y, z = vectors.unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).unflatten(-1, (3, 3))
    eye = torch.eye(3, dtype=vectors.dtype)
    return eye + angle.sin() / angle * cross + (1 - angle.cos()) / square * (cross @ cross)


@dataclass(frozen=True)
class Errors:
    """Of all hypotheses, (n, k) each."""

    total: Tensor
    joints: Tensor
    """Metres, mean over keypoints, scale aligned."""


TURN_WEIGHT = torch.tensor([2.0, 1, 0.7] + [0.3, 0.6, 0.4, 0.05] * 2 + [0.8, 0.5, 0.1] * 2)
"""Of the groups, in their order: twists that keypoints hardly tell count little."""


def errors(raw: Tensor, views: Views, kinematics: Kinematics) -> Errors:
    """How far hypotheses (n, k, outputs) are from the truth."""
    count, hypotheses = raw.shape[:2]
    points, turns, shape = kinematics.keypoints(raw.flatten(0, 1))
    points = points.unflatten(0, (count, hypotheses))
    turns, shape = turns.unflatten(0, (count, hypotheses)), shape.unflatten(0, (count, hypotheses))
    true_points = torch.from_numpy(views.keypoints.astype(np.float32))[:, None]
    true_turns = torch.from_numpy(views.turns.astype(np.float32))[:, None]
    true_shape = torch.from_numpy((views.shape / reduced_body().spread).astype(np.float32))[:, None]
    spread = torch.from_numpy(reduced_body().spread.astype(np.float32))
    scale = (points * true_points).sum((-1, -2)) / (points * points).sum((-1, -2)).clamp_min(1e-6)
    # No picture tells how large somebody is.
    aligned = points * scale.clamp(0.7, 1.4)[..., None, None].detach()
    weight = torch.where(torch.from_numpy(views.seen), 1.0, 0.35)[:, None]
    apart = ((aligned - true_points) ** 2).sum(-1).add(1e-6).sqrt()
    apart_flat = ((aligned - true_points)[..., [0, 2]] ** 2).sum(-1).add(1e-6).sqrt()
    position = ((apart + apart_flat) * weight).sum(-1) / weight.sum(-1)
    turn = (((turns - true_turns) ** 2).sum((-1, -2)) * TURN_WEIGHT).mean(-1)
    build = ((shape / spread - true_shape) ** 2).mean(-1)
    return Errors(position + 0.12 * turn + 0.004 * build, apart.mean(-1))


def loss_of(raw: Tensor, views: Views, kinematics: Kinematics) -> tuple[Tensor, float, float]:
    """The loss; joint error (m) of the best hypothesis and of the one that the network thinks is."""
    found = errors(raw, views, kinematics)
    best = found.total.detach().argmin(1)
    nearest = found.total.gather(1, best[:, None])[:, 0]
    score = nn.functional.cross_entropy(raw[..., -1], best)
    top = found.joints.gather(1, raw[..., -1].argmax(1, keepdim=True)).mean()
    loss = 0.94 * nearest.mean() + 0.06 * found.total.mean() + 0.05 * score
    return loss, float(found.joints.detach().min(1).values.mean()), float(top.detach())


def given(views: Views) -> Tensor:
    return torch.from_numpy(network.features(views.points, views.seen, views.depth, views.depth_known))


def sample(work: Path, count: int, seed: int = 1, per_person: int = 250) -> None:
    """Poses of the synthetic people, person after person, each from a seed of its own."""
    from posable.people.person import make_person
    from posable.people.posing.figure import Figure
    from posable.people.posing.sampling import sample_pose

    (work / "poses").mkdir(parents=True, exist_ok=True)
    for number in range(count // per_person):
        path = work / "poses" / f"{number:05}.npz"
        if path.exists():
            continue
        rng = np.random.default_rng([seed, number])
        figure = Figure.of(make_person(5000 + number).mesh)
        poses = [sample_pose(figure, rng, "fashion" if index % 4 else "market") for index in range(per_person)]
        rotations = np.stack([merged_rotations(pose.rotations) for pose in poses])
        partial = path.with_suffix(".part.npz")
        np.savez(partial, rotations=rotations.astype(np.float32), upright=np.array([pose.upright for pose in poses]))
        partial.rename(path)
        print(f"{(number + 1) * per_person} poses", flush=True)


def load_people(work: Path) -> PosedPeople:
    rotations, upright = [], []
    for path in sorted((work / "poses").glob("[0-9]*.npz")):
        with np.load(path) as stored:
            rotations.append(stored["rotations"])
            upright.append(stored["upright"])
    turns = gathered_by_group(np.concatenate(rotations).astype(np.float64))
    return PosedPeople(turns.astype(np.float32), np.concatenate(upright))


def train(work: Path, steps: int, batch: int = 1024, seed: int = 1) -> None:
    people, bias = load_people(work), detector_bias(work)
    torch.manual_seed(seed)
    model, kinematics = Network(), Kinematics()
    average = {name: value.clone() for name, value in model.state_dict().items()}
    optimizer = torch.optim.AdamW(model.parameters(), lr=1.5e-3, weight_decay=1e-4)
    begin, state = 0, work / "state.pt"
    if state.exists():
        kept = torch.load(state, weights_only=True)
        model.load_state_dict(kept["model"])
        optimizer.load_state_dict(kept["optimizer"])
        average, begin = kept["average"], kept["step"]
    checked = sample_views(people, bias, 4000, np.random.default_rng([seed, 0]))
    start = time.monotonic()
    for step in range(begin, steps):
        views = sample_views(people, bias, batch, np.random.default_rng([seed, 1, step]))
        rate = min(1.0, (step + 1) / 200) * 0.5 * (1 + math.cos(math.pi * step / steps))
        for group in optimizer.param_groups:
            group["lr"] = 1.5e-3 * rate + 1e-6
        loss, _, _ = loss_of(model(given(views)), views, kinematics)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        decay = min(0.995, (step + 1) / (step + 20))
        for name, value in model.state_dict().items():
            average[name].lerp_(value, 1 - decay)
        if step % 250 == 249 or step + 1 == steps:
            model_now = {name: value.clone() for name, value in model.state_dict().items()}
            model.load_state_dict(average)
            with torch.no_grad():
                value, nearest, top = loss_of(model(given(checked)), checked, kinematics)
            model.load_state_dict(model_now)
            print(
                f"step {step + 1}: loss {loss.item():.4f}, checked {value.item():.4f}, joints off by "
                f"{nearest * 100:.2f} cm (nearest), {top * 100:.2f} cm (likeliest), {time.monotonic() - start:.0f} s",
                flush=True,
            )
            kept = {"model": model_now, "optimizer": optimizer.state_dict(), "average": average, "step": step + 1}
            torch.save(kept, work / "state.part")
            (work / "state.part").rename(state)


def watch(work: Path, people: int = 90) -> None:
    """How BlazePose's keypoints lie beside ours, from three views each of so many people: `bias` in the axes of joints,
    from where they are in pictures, and `lean`, how far in front of the person its depth puts them; metres."""
    from PIL import Image

    from posable.detect import detect_pose
    from posable.errors import NoPersonError
    from posable.people.person import make_person
    from posable.people.render import render_views
    from posable.people.true_pose import keypoints_in_space, root_in_camera

    misses, directions, fronts, depths = [], [], [], []
    for seed in range(6000, 6000 + people):
        person = make_person(seed)
        for view in render_views(person, 3, Size(512, 352)):
            try:
                found = detect_pose(Image.fromarray(view.image))
            except NoPersonError:
                continue
            rotations = merged_rotations(view.pose.rotations)
            rotations[0] = root_in_camera(view)
            turns = forward_kinematics(rotations[None], reduced_body().heads[None]).turns[0]
            miss = (found.pose.keypoints - view.keypoints[:, :2]) / view.camera.pixels_per_metre
            misses.append(np.where(found.pose.visible[:, None], miss, np.nan))
            directions.append(turns[main_joints()][:, [0, 2]] * np.array([1, -1])[:, None])
            fronts.append(-turns[0, 1, 1])
            truth = keypoints_in_space(person, view)[:, 1]
            truth = truth - (truth[RIGHT_HIP] + truth[LEFT_HIP]) / 2
            depth = np.full(18, np.nan) if found.depth is None else found.depth
            depths.append(np.where(found.pose.visible, depth - truth, np.nan))
    misses, directions = np.array(misses), np.array(directions)
    fronts, depths = np.array(fronts), np.array(depths)
    bias, lean = np.zeros((18, 3)), np.zeros(18)
    for keypoint in range(18):
        near = np.linalg.norm(misses[:, keypoint], axis=1) < 0.15
        for _ in range(3):
            rows, values = directions[near, keypoint].reshape(-1, 3), misses[near, keypoint].ravel()
            bias[keypoint] = np.linalg.solve(rows.T @ rows + 3 * np.eye(3), rows.T @ values)
            rest = misses[:, keypoint] - directions[:, keypoint] @ bias[keypoint]
            near = np.linalg.norm(rest, axis=1) < 0.08
        known = np.abs(depths[:, keypoint]) < 0.3
        lean[keypoint] = (depths[known, keypoint] @ fronts[known]) / max(fronts[known] @ fronts[known], 1e-6)
    mirror = list(OPENPOSE_18.mirror)
    bias, lean = (bias + bias[mirror] * [-1, 1, 1]) / 2, (lean + lean[mirror]) / 2
    for keypoint, name in enumerate(OPENPOSE_18.keypoints):
        print(f"{name:15} beside {(bias[keypoint] * 100).round(1)} cm, leaning {lean[keypoint] * 100:.1f} cm")
    np.savez(work / "bias.npz", bias=bias, lean=lean)


def detector_bias(work: Path) -> DetectorBias:
    """What `watch` found, if it was run; else nothing."""
    path = work / "bias.npz"
    if not path.exists():
        return DetectorBias(np.zeros((18, 3)), np.zeros(18))
    with np.load(path) as stored:
        return DetectorBias(stored["bias"], stored["lean"])


def export(work: Path, target: Path) -> None:
    average = torch.load(work / "state.pt", weights_only=True)["average"]
    target.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: value.numpy().astype(np.float16) for name, value in average.items()}, target)
    shipped = network.Lifter({name: array.astype(np.float32) for name, array in load_file(target).items()})
    views = sample_views(load_people(work), detector_bias(work), 2000, np.random.default_rng(7))
    with torch.no_grad():
        raw = torch.from_numpy(shipped(given(views).numpy()))
        _, nearest, top = loss_of(raw, views, Kinematics())
    print(f"{target}: {target.stat().st_size / 1e6:.2f} MB, joints {nearest * 100:.2f} / {top * 100:.2f} cm")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", choices=["sample", "watch", "train", "export"])
    parser.add_argument("work", type=Path)
    parser.add_argument("--poses", type=int, default=24_000)
    parser.add_argument("--steps", type=int, default=4_000)
    given_arguments = parser.parse_args()
    torch.set_num_threads(1)
    if given_arguments.stage == "sample":
        sample(given_arguments.work, given_arguments.poses)
    elif given_arguments.stage == "watch":
        watch(given_arguments.work)
    elif given_arguments.stage == "train":
        train(given_arguments.work, given_arguments.steps)
    else:
        package = Path(__file__).resolve().parents[1] / "src" / "posable" / "body"
        export(given_arguments.work, package / "assets" / "lifter.safetensors")


if __name__ == "__main__":
    main()
