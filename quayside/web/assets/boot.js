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
  const send = async (parameters, options) => {
    const token = field.value.trim();
    const credential = token ? { Authorization: `Bearer ${token}` } : { "X-CSRF-Token": await csrfToken() };
    const response = await fetch(location.pathname, {
      method: "POST",
      headers: {
        Accept: "application/graphql-response+json, application/json;q=0.9",
        "Content-Type": "application/json",
        ...credential,
        ...options?.headers,
      },
      body: JSON.stringify(parameters),
    });
    return response.json();
  };

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
        fetcher: (parameters, options) => send(parameters, options),
        showPersistHeadersSettings: false,
      }),
    );

  field.addEventListener("change", () => {
    sessionStorage.setItem(TOKEN, field.value.trim());
    render();
  });
  render();
}
