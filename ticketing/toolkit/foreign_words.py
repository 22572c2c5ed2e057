"""Words of other people's packages that have no German there, or other German words than this site's.

They pass gettext where they are used, so the site's catalogue decides. They are named here so that script/words finds
them; nothing imports this module.
"""

from django.utils.translation import gettext_noop as _

DJANGO = [
    _("%(app)s administration"),
    _("%(model)s instance with %(field)s %(value)r is not a valid choice."),
    _(
        "Please enter the correct %(username)s and password for a staff account. Note that both fields may be "
        "case-sensitive."
    ),
    _("Save and add another"),
    _("Save and continue editing"),
    _("Save and view"),
    _("Save as new"),
    _("Start typing to filter…"),
]

AXES = [
    _("Access Attempt"),
    _("access attempt expiration"),
    _("access attempt expirations"),
    _("Attempt Remaining"),
    _("Clean up expired attempts"),
    _("Expires At"),
    _("Locked Out"),
    _("Not set"),
    _("Session key hash (sha256)"),
    _("The time when access attempt expires and is no longer valid."),
]

DJANGO_Q = [
    _("32-character task identifier."),
    _("Arguments"),
    _("Attempt count"),
    _("Cluster"),
    _("Cluster key"),
    _("Dotted import path to the callable, e.g. myapp.tasks.job."),
    _("e.g. module.tasks.function"),
    _("e.g. module.tasks.result_function"),
    _("False if the task raised an exception or timed out."),
    _("Function"),
    _("Group"),
    _("Hook"),
    _("How many times execution was attempted."),
    _("How often this task should be enqueued."),
    _("Id of the last task spawned from this schedule (read-only)."),
    _("Intended date kwarg"),
    _("Keyword arguments"),
    _("last_run"),
    _("Last task id"),
    _("Lock until"),
    _("Name of the cluster that executed this task."),
    _("Name of the target cluster"),
    _("Optional dotted path to a callback that receives the task result."),
    _("Optional group id to aggregate related tasks."),
    _("Optional human-readable name for lookup and display."),
    _("Optional label to identify this schedule in the admin."),
    _("Payload"),
    _("Pickled keyword arguments (dict)."),
    _("Pickled positional arguments (tuple)."),
    _("Pickled return value or error payload."),
    _("Prevent any cluster from pulling until"),
    _("Queue options"),
    _("Result"),
    _("Short result"),
    _("Signed serialized task package (do not edit manually)."),
    _("Started at"),
    _("Stopped at"),
    _("success"),
    _("Task"),
    _("Task id"),
    _("Tasks"),
    _("Time Taken"),
    _("When the worker finished (success or failure)."),
    _("When the worker started executing the task."),
    _("When this schedule runs next (stored in UTC)."),
]
