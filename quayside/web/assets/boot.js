// Starts GraphiQL on this page's own address, with the token from the field.
"use strict";

{
  const TOKEN = "quayside.token";
  const field = document.getElementById("token");
  field.value = sessionStorage.getItem(TOKEN) ?? "";

  // Requests without an access token use the session, which needs a CSRF token. It is fetched for each request,
  // since signing in or out in another tab replaces it.
  const csrfToken = async () => (await (await fetch("csrf_token")).json()).csrf_token;

  // Headers from GraphiQL's header editor come last, so that they take precedence.
  const post = async (parameters, options, accept, signal) => {
    const token = field.value.trim();
    const credential = token ? { Authorization: `Bearer ${token}` } : { "X-CSRF-Token": await csrfToken() };
    return fetch(location.pathname, {
      method: "POST",
      headers: {
        Accept: accept,
        "Content-Type": "application/json",
        ...credential,
        ...options?.headers,
      },
      body: JSON.stringify(parameters),
      signal,
    });
  };

  const send = async (parameters, options) => {
    const response = await post(parameters, options, "application/graphql-response+json, application/json;q=0.9");
    return response.json();
  };

  // The results of a subscription from server-sent events: the data lines; other lines are ignored.
  const results = async function* (parameters, options, signal) {
    const response = await post(parameters, options, "text/event-stream", signal);
    if (!response.ok) {
      yield await response.json();
      return;
    }
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let unfinished = "";
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      const lines = (unfinished + part.value).split("\n");
      unfinished = lines.pop();
      for (const line of lines) {
        if (line.startsWith("data: {")) yield JSON.parse(line.slice("data: ".length));
      }
    }
  };

  // Aborts the connection at once; a generator alone would end only after the next event.
  const listen = (parameters, options) => {
    const stopping = new AbortController();
    const coming = results(parameters, options, stopping.signal);
    const end = { done: true, value: undefined };
    const next = () =>
      coming.next().catch((error) => {
        if (stopping.signal.aborted) return end;
        throw error;
      });
    const stop = async () => {
      stopping.abort();
      return end;
    };
    return { [Symbol.asyncIterator]: () => ({ next, return: stop }) };
  };

  const isSubscription = ({ operationName }, options) =>
    options?.documentAST?.definitions.some(
      ({ operation, name }) => operation === "subscription" && (!operationName || name?.value === operationName),
    );

  // Dialogs add a style element against scrolling, which this page does not need and which the content security policy
  // allows only if it is empty. Setting this property makes the library write the text here, where it has no effect.
  HTMLStyleElement.prototype.styleSheet = {};

  // A link may contain a query (?query=…&variables=…), which is shown but not run.
  const link = new URLSearchParams(location.search);
  const examples = JSON.parse(document.getElementById("examples").textContent);
  const opening = link.has("query")
    ? { query: link.get("query"), variables: link.get("variables") ?? undefined }
    : { defaultTabs: examples.map(({ query }) => ({ query })) };

  // A new fetcher makes GraphiQL load the schema again, for the new viewer.
  const root = ReactDOM.createRoot(document.getElementById("graphiql"));
  const render = () =>
    root.render(
      React.createElement(GraphiQL, {
        ...opening,
        fetcher: (parameters, options) =>
          isSubscription(parameters, options) ? listen(parameters, options) : send(parameters, options),
        showPersistHeadersSettings: false,
      }),
    );

  field.addEventListener("change", () => {
    sessionStorage.setItem(TOKEN, field.value.trim());
    render();
  });
  render();
}
