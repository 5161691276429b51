// Asking the API, with the token of this tab.

const TOKEN = 'zoneferry-token';

export class Unauthorized extends Error {}

export const token = {
  get: () => sessionStorage.getItem(TOKEN),
  set: (text) => sessionStorage.setItem(TOKEN, text),
  forget: () => sessionStorage.removeItem(TOKEN),
};

const bearer = () => (token.get() ? { authorization: `Bearer ${token.get()}` } : {});

/** The answer to a request; throws Unauthorized, or an Error with what the service said. */
export async function ask(method, path, body) {
  const response = await fetch(path, {
    method,
    headers: { ...bearer(), ...(body ? { 'content-type': 'application/json' } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  if (response.status === 401) throw new Unauthorized();
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error?.message ?? `the service answered ${response.status}`);
  return answer;
}

/**
 * Calls back at each event of the service, until the stream ends; connects again by itself. The browser's own way to listen can't send
 * a token.
 */
export async function listen(onEvent, onState) {
  for (;;) {
    try {
      const response = await fetch('/v1/status/events', { headers: bearer() });
      if (response.ok && response.body) {
        onState(true);
        const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
        for (let text = ''; ; ) {
          const { done, value } = await reader.read();
          if (done) break;
          const events = (text + value).split('\n\n');
          text = events.pop();
          if (events.some((event) => event.startsWith('event:') || event.includes('\nevent:'))) onEvent();
        }
      }
    } catch {
      // the service is away, or wants a token: who refreshes says so
    }
    onState(false);
    await new Promise((again) => setTimeout(again, 2_000));
  }
}
