// Every sentence of the demo site, in English and Russian, and the choice between them. Sentences
// hold no HTML. Pages that show them live in pages.ts; the page's script gets its sentences from
// the page.

/** A language the site speaks. */
export type Lang = "en" | "ru";

const english = {
  siteName: "Tapin Demo",
  tagline: "a website that logs people in with Tapin",
  welcome: "Welcome to Tapin Demo",
  lead: "A small website to try it on: people log in with a messenger instead of a password.",
  stepsTitle: "How it goes",
  step1: "You press the button. The site shows a QR code and a link to its bot.",
  step2: "You open the bot and tap Login.",
  step3: "This page notices by itself and greets you.",
  loginTitle: "Log in",
  loginLead: "No password and no form: your messenger confirms that it is you.",
  loginTelegram: "Log in with Telegram",
  loginMax: "Log in with MAX",
  matchLabel: "Ask me to match a number",
  matchHint: "The bot asks for the number you see here. Safer with a QR code.",
  needScript: "This page needs JavaScript to show the login.",
  notConfigured: "No messenger is connected to this site yet, so nobody can log in.",
  openTelegram: "Open Telegram",
  openMax: "Open MAX",
  qrAlt: "QR code with the link to the bot",
  qrCaption: "Messenger on another device? Scan the code with its camera.",
  qrLocal: "A phone cannot open this code: the demo runs on this computer only. Use the button.",
  newTab: "opens in a new tab",
  typedStart: "Already chatted with the bot? Send it this text:",
  copy: "Copy the text",
  copied: "Copied",
  notCopied: "Not copied: the text is selected, copy it yourself",
  matchTitle: "In the bot, tap",
  timeLeft: "Time left",
  cancel: "Cancel",
  startAgain: "Start again",
  starting: "One moment…",
  waiting: "Waiting for you to open the bot",
  opened: "Bot opened, now tap Login",
  openedMatch: "Bot opened, tap the number",
  completed: "Confirmed. Logging you in…",
  expired: "Time ran out, not logged in",
  cancelled: "Cancelled, not logged in",
  trouble: "Connection lost, trying again…",
  failed: "That did not work. Please start again.",
  hello: "Hello",
  alreadyIn: "You are logged in",
  openProfile: "Your profile",
  profileLead: "This is everything the site got from Tapin about you.",
  fieldChannel: "Messenger",
  fieldFirstName: "First name",
  fieldUsername: "Username",
  fieldSubscriber: "Subscriber ID",
  fieldLang: "Language",
  fieldTags: "Tags",
  fieldState: "State",
  stateHint: "Made up by the site, came back unchanged.",
  none: "none",
  logOut: "Log out",
  elsewhereTitle: "Continue where you started",
  elsewhere:
    "The login was started in another browser. Return to the page with the QR code: it goes on there.",
  startHere: "Log in here instead",
  problemTitle: "The login did not finish",
  codeInvalid: "This login was already used or took too long.",
  stateMismatch: "The answer belongs to another login, so it was not accepted.",
  rateLimited: "Too many logins at this moment. Please try again in a minute.",
  unreachable: "The login service does not answer. Please try again in a minute.",
  serviceError: "The login service answered with an error. Please try again in a minute.",
  badRequest: "This page sent something the site does not understand. Please reload it.",
  forbidden: "This request did not come from a page of this site.",
  noBot: "This messenger is not connected to the site.",
  notFoundTitle: "There is no such page",
  notFound: "The address may be mistyped.",
  internal: "Something went wrong on the site. Please try again.",
  toStart: "To the start page",
};

/** The sentences by name. */
export type Texts = Readonly<typeof english>;

/** The name of a sentence. */
export type TextName = keyof Texts;

const russian: Texts = {
  siteName: "Tapin Demo",
  tagline: "сайт со входом через Tapin",
  welcome: "Добро пожаловать в Tapin Demo",
  lead: "Небольшой сайт для пробы: здесь входят через мессенджер, без пароля.",
  stepsTitle: "Как это происходит",
  step1: "Вы нажимаете кнопку. Сайт показывает QR-код и ссылку на своего бота.",
  step2: "Вы открываете бота и нажимаете «Войти».",
  step3: "Страница сама замечает это и здоровается с вами.",
  loginTitle: "Вход",
  loginLead: "Без пароля и анкеты: мессенджер подтвердит, что это вы.",
  loginTelegram: "Войти через Telegram",
  loginMax: "Войти через MAX",
  matchLabel: "Попросить выбрать число",
  matchHint: "Бот спросит число с этой страницы. Так безопаснее по QR-коду.",
  needScript: "Для входа на этой странице нужен JavaScript.",
  notConfigured: "К сайту ещё не подключён ни один мессенджер, войти пока нельзя.",
  openTelegram: "Открыть Telegram",
  openMax: "Открыть MAX",
  qrAlt: "QR-код со ссылкой на бота",
  qrCaption: "Мессенджер на другом устройстве? Наведите его камеру на код.",
  qrLocal: "Телефон этот код не откроет: демо работает только на этом компьютере. Нажмите кнопку.",
  newTab: "откроется в новой вкладке",
  typedStart: "Уже переписывались с ботом? Отправьте ему этот текст:",
  copy: "Скопировать текст",
  copied: "Скопировано",
  notCopied: "Не скопировалось: текст выделен, скопируйте его сами",
  matchTitle: "В боте нажмите",
  timeLeft: "Осталось",
  cancel: "Отменить",
  startAgain: "Начать заново",
  starting: "Секунду…",
  waiting: "Ждём, пока вы откроете бота",
  opened: "Бот открыт, нажмите «Войти»",
  openedMatch: "Бот открыт, нажмите число",
  completed: "Подтверждено. Входим…",
  expired: "Время вышло, вход не выполнен",
  cancelled: "Отменено, вход не выполнен",
  trouble: "Связь пропала, пробуем снова…",
  failed: "Не получилось. Пожалуйста, начните заново.",
  hello: "Здравствуйте",
  alreadyIn: "Вы уже вошли",
  openProfile: "Ваш профиль",
  profileLead: "Это всё, что сайт узнал о вас от Tapin.",
  fieldChannel: "Мессенджер",
  fieldFirstName: "Имя",
  fieldUsername: "Имя пользователя",
  fieldSubscriber: "Номер подписчика",
  fieldLang: "Язык",
  fieldTags: "Метки",
  fieldState: "State",
  stateHint: "Придумано сайтом, вернулось без изменений.",
  none: "нет",
  logOut: "Выйти",
  elsewhereTitle: "Продолжите там, где начали",
  elsewhere:
    "Вход был начат в другом браузере. Вернитесь на страницу с QR-кодом: там всё продолжится само.",
  startHere: "Войти здесь",
  problemTitle: "Вход не завершён",
  codeInvalid: "Этим входом уже воспользовались, или он занял слишком много времени.",
  stateMismatch: "Ответ относится к другому входу, поэтому сайт его не принял.",
  rateLimited: "Сейчас слишком много входов. Попробуйте через минуту.",
  unreachable: "Сервис входа не отвечает. Попробуйте через минуту.",
  serviceError: "Сервис входа ответил ошибкой. Попробуйте через минуту.",
  badRequest: "Страница прислала что-то непонятное. Пожалуйста, обновите её.",
  forbidden: "Этот запрос пришёл не со страницы сайта.",
  noBot: "Этот мессенджер к сайту не подключён.",
  notFoundTitle: "Такой страницы нет",
  notFound: "Возможно, в адресе опечатка.",
  internal: "На сайте что-то пошло не так. Попробуйте ещё раз.",
  toStart: "На главную",
};

const texts: Readonly<Record<Lang, Texts>> = { en: english, ru: russian };

/** The sentences in this language. */
export function textsIn(lang: Lang): Texts {
  return texts[lang];
}

/**
 * The language an `Accept-Language` header (RFC 9110 section 12.5.4) prefers; English when it names
 * neither.
 */
export function chooseLang(acceptLanguage: string | undefined): Lang {
  const preferred = (acceptLanguage ?? "")
    .split(",")
    .map(parseLanguage)
    .filter(({ tag, weight }) => weight > 0 && (tag === "ru" || tag === "en"))
    .sort((a, b) => b.weight - a.weight);
  return preferred[0]?.tag === "ru" ? "ru" : "en";
}

function parseLanguage(item: string): { readonly tag: string; readonly weight: number } {
  const [range = "", ...parameters] = item.trim().toLowerCase().split(";");
  const quality = parameters.find((parameter) => parameter.trim().startsWith("q="));
  const weight = quality === undefined ? 1 : Number(quality.trim().slice(2));
  return { tag: range.split("-")[0] ?? "", weight: Number.isNaN(weight) ? 0 : weight };
}
