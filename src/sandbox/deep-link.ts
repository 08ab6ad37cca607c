// A deep link, whichever messenger it is for. How each messenger reads one lives in its own folder.

/** A deep link, taken apart. */
export interface DeepLink {
  /** The bot's username as written in the link. */
  readonly bot: string;
  /** The payload after `start=`; "" when there is none, or one that the client drops. */
  readonly payload: string;
}
