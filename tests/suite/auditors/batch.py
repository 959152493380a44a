"""Runs `verify.py` for each list of arguments that comes in as a line of JSON, and answers with its
code and what it said."""

import contextlib
import importlib.util
import io
import json
import sys

spec = importlib.util.spec_from_file_location("verify", sys.argv[1])
verify = importlib.util.module_from_spec(spec)
spec.loader.exec_module(verify)


class Text(io.TextIOWrapper):
    def __init__(self):
        super().__init__(
            io.BytesIO(), encoding="utf-8", errors="backslashreplace", write_through=True
        )

    def text(self):
        return self.buffer.getvalue().decode()


for line in sys.stdin:
    out, err = Text(), Text()
    sys.argv[1:] = json.loads(line)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = verify.main()
        except SystemExit as end:
            code = end.code
    print(json.dumps([code, out.text(), err.text()]), flush=True)
