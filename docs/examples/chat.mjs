// A wschat.v1 client for browsers, Node 22, Deno and Bun: it comes back by itself, says and shows each line once.
// const say = chat('ws://127.0.0.1:8000', { room: 'lobby', name: 'ada' }, console.log); say('hello');
export function chat(server, query, show) {
  const unsent = new Map(); // ref → text, until it comes back
  let id = Date.now(), pause = 500, protocols = ['wschat.v1'], isLive, socket, sync;
  const send = (text, ref, to) => socket.send(JSON.stringify({ type: 'say', text, ref, to }));
  const connect = () => {
    socket = new WebSocket(`${server}/ws/${id}?${new URLSearchParams(query)}`, protocols);
    socket.onmessage = ({ data }) => receive(JSON.parse(data));
    socket.onclose = ({ code }) => {
      isLive = false;
      if (code === 4000) return; // another connection of ours took the seat over
      if (code === 1009) unsent.delete(unsent.keys().next().value); // too long for the server
      if (code === 4009) id = Date.now() + Math.floor(Math.random() * 1000); // somebody has our id
      if (code === 1001) pause = 4000; // the server goes away, and all come back
      setTimeout(connect, Math.random() * pause);
      pause = Math.min(2 * pause, 15000);
    };
  };
  const receive = (frame) => {
    if (frame.pos) query.since = frame.pos; // where to go on after a break
    if (frame.type === 'welcome') {
      protocols = ['wschat.v1', `key.${frame.key}`]; // in the query it would stand in logs of proxies
      [pause, sync] = [500, `sync-${Math.random()}`];
      send('', sync, id); // a note to ourselves: it comes back behind all that we missed
    } else if (frame.ref === sync) {
      isLive = true;
      unsent.forEach((text, ref) => send(text, ref));
    } else unsent.delete(frame.ref), show(frame);
  };
  connect();
  return (text, ref = `${id}-${Math.random()}`) => (unsent.set(ref, text), isLive && send(text, ref));
}
