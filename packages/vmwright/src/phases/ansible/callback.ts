/** Begins each line that is an event; no text of a task begins so, for the JSON escapes it (RFC 7464 names the sign). */
export const eventMark = '\u001E'

/**
 * The plug-in by which Ansible tells what it does: an event a line, in ASCII. What Ansible gives to it is already
 * without the values of `no_log`.
 */
export const callbackPlugin = `import ctypes
import json
import os
import signal
import sys

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
    name: vmwright
    type: stdout
    short_description: tells each task and result as a line of JSON
    description: [tells each task and result as a line of JSON]
"""

KEPT = ("msg", "stdout", "stderr", "module_stdout", "module_stderr", "exception", "rc", "skip_reason", "changed")


def end_with_parent():
    """A vmwright that is killed must not leave tasks behind that go on in the guest: prctl(2), PR_SET_PDEATHSIG."""
    signal.signal(signal.SIGTERM, lambda *_: os.killpg(0, signal.SIGKILL))
    try:
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)
    except (AttributeError, OSError):
        return
    if os.getppid() == 1:
        os.killpg(0, signal.SIGKILL)


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "vmwright"

    def tell(self, event, **facts):
        line = json.dumps(dict(facts, event=event), default=str)
        sys.stdout.write("\\n\\x1e" + line + "\\n")
        sys.stdout.flush()

    def result(self, status, result, event="result", ignored=False):
        found = result._result
        self.tell(
            event,
            status=status,
            ignored=bool(ignored),
            task=result._task._uuid,
            action=result._task.action,
            item=self._get_item_label(found) if event == "item" else None,
            result={key: found[key] for key in KEPT if key in found},
        )

    def v2_playbook_on_start(self, playbook):
        end_with_parent()
        self.tell("start")

    def v2_playbook_on_task_start(self, task, is_conditional):
        self.tell("task", task=task._uuid, name=task.get_name())

    def v2_playbook_on_handler_task_start(self, task):
        self.tell("task", task=task._uuid, name=task.get_name())

    def v2_runner_on_ok(self, result):
        self.result("ok", result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self.result("failed", result, ignored=ignore_errors)

    def v2_runner_on_skipped(self, result):
        self.result("skipped", result)

    def v2_runner_on_unreachable(self, result):
        self.result("unreachable", result)

    def v2_runner_item_on_ok(self, result):
        self.result("ok", result, event="item")

    def v2_runner_item_on_failed(self, result):
        self.result("failed", result, event="item")

    def v2_runner_item_on_skipped(self, result):
        self.result("skipped", result, event="item")

    def v2_runner_retry(self, result):
        self.result("retry", result, event="item")

    def v2_playbook_on_include(self, included_file):
        self.tell("include", file=included_file._filename)
`
