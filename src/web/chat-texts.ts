// Every word the chat page shows, in Russian and English. What the bot says is not here: that comes
// from the bot.

/** A language of the page. */
export type PageLanguage = "en" | "ru";

/** The words of the page in one language. */
export interface ChatTexts {
  /** `{messenger}` stands for the name of the messenger. */
  readonly notice: string;
  readonly bot: string;
  readonly messages: string;
  readonly empty: string;
  readonly start: string;
  readonly placeholder: string;
  readonly send: string;
  readonly block: string;
  readonly unblock: string;
  readonly you: string;
  readonly botSays: string;
  readonly youSay: string;
  readonly newTab: string;
  readonly id: string;
  readonly firstName: string;
  readonly lastName: string;
  readonly username: string;
  readonly language: string;
  readonly save: string;
  readonly another: string;
  readonly unreachable: string;
  readonly defaultName: string;
  /** Said over {@link sendText} when a deep link was opened and nothing reached the bot. */
  readonly linkOpened: string;
  readonly sendText: string;
}

const en: ChatTexts = {
  notice: "Pretend {messenger} for trying things out. Nothing here reaches the real one.",
  bot: "bot",
  messages: "Messages",
  empty: "No messages yet. Tap START to begin.",
  start: "START",
  placeholder: "Message",
  send: "Send",
  block: "Block",
  unblock: "Unblock",
  you: "You are:",
  botSays: "Bot",
  youSay: "You",
  newTab: "opens in a new tab",
  id: "User id",
  firstName: "First name",
  lastName: "Last name",
  username: "Username",
  language: "Language",
  save: "Save",
  another: "Another person",
  unreachable: "The pretend messenger does not answer. Trying again…",
  defaultName: "Anna",
  linkOpened: "The link is open. If the bot says nothing, send it this text:",
  sendText: "Send the text",
};

const ru: ChatTexts = {
  notice: "Учебный {messenger} для проб. До настоящего отсюда ничего не доходит.",
  bot: "бот",
  messages: "Сообщения",
  empty: "Сообщений пока нет. Нажмите «СТАРТ».",
  start: "СТАРТ",
  placeholder: "Сообщение",
  send: "Отправить",
  block: "Заблокировать",
  unblock: "Разблокировать",
  you: "Вы:",
  botSays: "Бот",
  youSay: "Вы",
  newTab: "откроется в новой вкладке",
  id: "Номер (id)",
  firstName: "Имя",
  lastName: "Фамилия",
  username: "Имя пользователя",
  language: "Язык",
  save: "Сохранить",
  another: "Другой человек",
  unreachable: "Учебный мессенджер не отвечает. Пробуем снова…",
  defaultName: "Анна",
  linkOpened: "Ссылка открыта. Если бот молчит, отправьте ему этот текст:",
  sendText: "Отправить текст",
};

const enMax: Partial<ChatTexts> = {
  empty: "No messages yet. Tap Start to begin.",
  start: "Start",
  block: "Stop",
  unblock: "Start again",
};

const ruMax: Partial<ChatTexts> = {
  empty: "Сообщений пока нет. Нажмите «Начать».",
  start: "Начать",
  block: "Остановить",
  unblock: "Запустить",
};

/** The words of the page in a language; MAX has some of its own. */
export function textsFor(language: PageLanguage, channel = "telegram"): ChatTexts {
  const isRussian = language === "ru";
  const own = channel === "max" ? (isRussian ? ruMax : enMax) : {};
  return { ...(isRussian ? ru : en), ...own };
}

/** The language of the page for a BCP 47 tag: Russian for `ru` and `ru-*`, else English. */
export function pageLanguage(tag: string): PageLanguage {
  return /^ru\b/i.test(tag) ? "ru" : "en";
}
