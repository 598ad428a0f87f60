"""The HTTP service under /v1 and the studio page that uses it; `posable studio` starts both."""
