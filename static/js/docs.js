// Show the description of the API, and let people try it with a token or with the session they have here.
"use strict";

const docs = document.getElementById("docs");

SwaggerUIBundle({
  domNode: docs,
  url: docs.dataset.schema,
  deepLinking: true,
  validatorUrl: null, // the description goes to nobody else
  requestInterceptor(request) {
    if (!["GET", "HEAD", undefined].includes(request.method)) {
      request.headers["X-CSRFToken"] = docs.dataset.csrf;
    }
    return request;
  },
});
