// Clients that send a body only once they are told to (`Expect: 100-continue`, RFC 9110 section
// 10.1.1).

import { isGone, type Request, type Response } from "./exchange.ts";

/**
 * Tells the client to go on when somebody begins to read the body, and not before: what the head
 * decides is answered without it. Over HTTP/1.1 nobody knows then whether the body still comes;
 * Node closes the connection after that answer.
 */
export function continueOnceRead(req: Request, res: Response): void {
  const onListener = (event: string | symbol) => {
    if (event !== "data" && event !== "readable") return;
    req.off("newListener", onListener);
    // What is left of a refused body is read too.
    if (res.headersSent || isGone(res)) return;
    // Behind an answer that is not written yet, Node would put "100 Continue" into the midst of
    // this one. It may be left out.
    if (res.socket !== null) res.writeContinue();
  };
  req.on("newListener", onListener);
}
