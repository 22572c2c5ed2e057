"""Getting about on a page by keyboard alone."""

WHERE = """
    (here => [
        here.type === "radio" ? "radio" : here.tagName.toLowerCase(),
        [here.textContent, here.ariaLabel, ...Array.from(here.labels ?? [], label => label.textContent)].join(" "),
        here.closest("li, tr, section")?.textContent ?? "",
    ])(document.activeElement)
"""


def tab_to(page, tag, words, beside=""):
    """Press Tab until the focus is on such an element with such words, or labelled so; fails where none is reached.

    `beside` are words of the list item, row or section that it stands in.
    """
    for _ in range(120):
        page.keyboard.press("Tab")
        here, said, around = page.evaluate(WHERE)
        if here == tag and words.lower() in said.lower() and beside in around:
            return
    raise AssertionError(f"no {tag} with {words!r} is reached by Tab")


def press(page, tag, words, beside=""):
    """Go to a link or a button, and press Enter on it."""
    tab_to(page, tag, words, beside)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def fill_in(page, label, text):
    """Go to a field, and type."""
    tab_to(page, "input", label)
    page.keyboard.type(text)


def choose(page, label):
    """Go to some radio buttons, and on by arrow to the one that is meant."""
    tab_to(page, "radio", "")
    page.keyboard.press("Space")
    for _ in range(200):
        if label in page.evaluate(WHERE)[1]:
            return
        page.keyboard.press("ArrowDown")
    raise AssertionError(f"no choice {label!r} is reached by arrow")
