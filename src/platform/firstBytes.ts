import type { Socket } from "node:net";

/** How every HTTP/2 connection begins, and no HTTP/1 request. */
const HTTP2_BEGINNING = "PRI ";

/**
 * Reads as much of a connection as tells which HTTP it speaks, and puts it back. Undefined when it ends, fails or says
 * too little in time: then nobody else has to look after it.
 */
export function protocolOf(socket: Socket, timeoutMs: number): Promise<"http1" | "http2" | undefined> {
  return new Promise((resolve) => {
    let head: Buffer = Buffer.alloc(0);
    const decide = (protocol: "http1" | "http2" | undefined) => {
      clearTimeout(timer);
      socket.off("readable", look);
      for (const event of ["end", "close", "error"]) socket.off(event, giveUp);
      if (protocol) socket.unshift(head);
      resolve(protocol);
    };
    const look = () => {
      const chunk = socket.read() as Buffer | null;
      if (!chunk) return;
      head = Buffer.concat([head, chunk]);
      const beginning = head.toString("latin1", 0, HTTP2_BEGINNING.length);
      if (!HTTP2_BEGINNING.startsWith(beginning)) decide("http1");
      else if (beginning === HTTP2_BEGINNING) decide("http2");
    };
    const giveUp = () => decide(undefined);
    const timer = setTimeout(giveUp, timeoutMs);
    socket.on("readable", look);
    for (const event of ["end", "close", "error"]) socket.on(event, giveUp);
  });
}
