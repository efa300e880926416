// Starts GraphiQL on this page's own address, with the token from the field above it.
"use strict";

{
  const TOKEN = "quayside.token";
  const field = document.getElementById("token");
  field.value = sessionStorage.getItem(TOKEN) ?? "";

  // Without a token the viewer is whoever signed in with this browser, and this shows that the page is ours. It
  // is asked for each time, since signing in or out in another tab replaces it.
  const csrfToken = async () => (await (await fetch("csrf_token")).json()).csrf_token;

  // Headers from GraphiQL's own header editor come last, so that they win.
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

  // The results of a subscription, as server-sent events bring them: each is a line of data; others mean nothing here.
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

  // Stopping breaks the connection, for which a generator alone would wait until something came.
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

  // A dialog stops the page from scrolling by a style element, which a page of the window's height does not need and
  // the content security policy allows only empty. Old browsers took its text through this property; here it is lost.
  HTMLStyleElement.prototype.styleSheet = {};

  // A link may carry a query (?query=…&variables=…); it is shown, never run by itself.
  const link = new URLSearchParams(location.search);
  const examples = JSON.parse(document.getElementById("examples").textContent);
  const opening = link.has("query")
    ? { query: link.get("query"), variables: link.get("variables") ?? undefined }
    : { defaultTabs: examples.map(({ query }) => ({ query })) };

  // A new fetcher makes GraphiQL read the schema again, as another viewer may.
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
