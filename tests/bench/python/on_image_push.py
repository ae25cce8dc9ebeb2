"""An image was pushed: commits the revisions of the services whose rules select it."""

from deployment import answer_batch, read_rules, read_service, record
from registry import list_images
from revisions import ATTEMPTS, candidates, change_of, commit, move_of


def handle(event, _context):
    return answer_batch(event, on_event)


def on_event(event):
    detail = event["detail"]
    if detail["action-type"] != "PUSH" or detail["result"] != "SUCCESS" or not detail.get("image-tag"):
        record(decision="ignored", because="the event puts no tagged image into the registry")
        return
    for _ in range(ATTEMPTS):
        if deliver(detail["repository-name"], event["id"]):
            return
    raise RuntimeError("the branch moved at every attempt")


def deliver(repository, event_id):
    """Commits what the rules select; false when the branch has moved in between."""
    tip, services = read_rules()
    moves = []
    for service, rules in services.items():
        containers = rules["containers"]
        # What asks for approvals is promote_image's.
        if "promote" not in rules and any(container["repository"] == repository for container in containers.values()):
            moves += decide(service, containers, read_service(service, tip))
    return not moves or commit(moves, tip, "on_image_push", event_id)


def decide(service, containers, state):
    """The move of a service to the images that its rules select; none when it stays."""
    if state["held"]:
        record(decision="held", service=service, because=state["held"])
        return []
    changes = []
    for name, container in containers.items():
        repository = container["repository"]
        images = list_images(repository)
        best = candidates(container["select"], images)
        if best:
            changes.append(change_of(service, name, repository, best[0], images, state))
    changes = [change for change in changes if change]
    if not changes:
        record(decision="nothing", service=service, because="git says what the rules select")
        return []
    return [move_of(service, state["revision"], changes)]
