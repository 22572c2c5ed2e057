"""Going through pages as somebody does whose browser runs no scripts: by the links and forms that are in the HTML."""

from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit


class Page(HTMLParser):
    """What one can do on a page: its links by their words, and its forms."""

    def __init__(self, client, response, address):
        super().__init__()
        self.client, self.response, self.address = client, response, address
        self.links, self.forms, self.words, self.here = {}, [], "", []
        self._link = self._step = None
        self.html = response.content.decode()
        self.feed(self.html.partition("<main")[2].partition("</main")[0])

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag == "a":
            self._link = (given["href"], len(self.words))
        if given.get("aria-current") == "step":
            self._step = len(self.words)
        if tag == "form":
            self.forms.append(Form(self, given))
        if tag in ("input", "button") and self.forms and not self.forms[-1].is_shut:
            self.forms[-1].fields.append({"type": "submit" if tag == "button" else "text", **given})

    def handle_endtag(self, tag):
        if tag == "a":
            href, start = self._link
            self.links[self.words[start:].strip()] = href
        if tag == "li" and self._step is not None:
            self.here.append(self.words[self._step :].strip())
            self._step = None
        if tag == "form":
            self.forms[-1].is_shut = True

    def handle_data(self, data):
        self.words += data

    def follow(self, words):
        """The page behind the one link that begins with these words."""
        [href] = {href for name, href in self.links.items() if name.startswith(words)}
        return visit(self.client, urljoin(self.address, href))

    def form(self, name):
        """The form with a field of that name that people fill in; of several the last one."""
        return [form for form in self.forms if any(field.get("name") == name for field in form.shown())][-1]


class Form:
    """A form as it stands on its page."""

    def __init__(self, page, given):
        self.page, self.fields, self.is_shut = page, [], False
        self.method, self.action = given.get("method", "get"), given.get("action", "")

    def shown(self):
        return [field for field in self.fields if field["type"] not in ("hidden", "submit") and "disabled" not in field]

    def values(self, name):
        """The choices there are, of radio buttons."""
        return [field["value"] for field in self.shown() if field.get("name") == name]

    def send(self, **typed):
        """Fill in and send; only what the form has can be filled in."""
        names = {field.get("name") for field in self.shown()}
        assert typed.keys() <= names, typed.keys() - names
        kept = [field for field in self.fields if field.get("name") and (is_text(field) or "checked" in field)]
        filled = {**{field["name"]: field.get("value", "") for field in kept}, **typed}
        address = urljoin(self.page.address, self.action or urlsplit(self.page.address).path)
        if self.method == "post":
            return visit(self.page.client, address, filled)
        return visit(self.page.client, address, query_params=filled)


def is_text(field):
    return field["type"] not in ("radio", "submit")


def visit(client, address, typed=None, **more):
    """The page at an address, after all redirects."""
    ask = client.get if typed is None else client.post
    response = ask(address, **({} if typed is None else {"data": typed}), **more, follow=True)
    asked = response.request
    return Page(client, response, f"{asked['PATH_INFO']}?{asked['QUERY_STRING']}")
