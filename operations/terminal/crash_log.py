"""The log file that receives tracebacks, so that they never reach the screen."""

import tempfile
import traceback
from datetime import UTC, datetime
from pathlib import Path

from operations.terminal.command_errors import CommandError
from operations.terminal.exit_codes import ExitCode


def record(error: BaseException, log: Path) -> CommandError:
    """Append the traceback to the log, or to one in the temporary folder, and return the error that names the file."""
    text = f"--- {datetime.now(UTC).isoformat(timespec='milliseconds')}\n{''.join(traceback.format_exception(error))}"
    for path in (log, Path(tempfile.gettempdir()) / "platform-command.log"):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a", encoding="utf-8") as file:
                file.write(text)
        except OSError:
            continue
        where = f"the traceback is in {path}"
        break
    else:
        where = "and no log could be written"
    first_line = (str(error).strip().splitlines() or ["no message"])[0]
    return CommandError(f"unexpected {type(error).__name__}: {first_line}", next_step=where, code=ExitCode.INTERNAL)
