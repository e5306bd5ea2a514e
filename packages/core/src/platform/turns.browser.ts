/**
 * Calls back in a later turn of the event loop: frames, timers and input that are due come first. A message, because timers of a page wait at least
 * 4 ms (1 s where it is hidden), and because `scheduler.yield` would come back before the page's own timers.
 */
export function nextTurn(callback: () => void): void {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    port1.close();
    callback();
  };
  port2.postMessage(0);
}

/** Calls back after `ms`. */
export function after(ms: number, callback: () => void): void {
  setTimeout(callback, ms);
}
