// The words of the page in English and Simplified Chinese, and how times are written.
// `one|many` is chosen by the first argument.
const en = {
  title: 'WebSocket Chat', yourId: 'Your ID', send: 'Send', message: 'Message', messages: 'Messages',
  placeholder: 'Message {0}', helpHint: '/help for commands', rooms: 'Rooms', people: 'People', you: 'you', youSay: 'You',
  lobby: 'lobby', goRoom: 'Go to a room', go: 'Go', nav: 'Rooms and people', share: 'Copy the link to this room',
  shared: 'The link to this room is copied: {0}', shareThis: 'The link to this room: {0}', settings: 'Settings', close: 'Close',
  wire: 'Wire view', client: 'Client #{0}', connecting: 'Connecting…', online: 'Connected', offline: 'Offline',
  replaced: 'Opened elsewhere', here: '{0} here', more: 'and {0} more',
  offlineLong: 'No connection. What you write is kept and sent later.', retryIn: 'Next try in {0} s.', tryNow: 'Try now',
  replacedLong: 'This chat was opened in another place.', useHere: 'Use it here',
  joined: '{0} joined', left: '{0} left the chat', renamed: '{0} is now {1}', youRenamed: 'You are now {0}',
  notRecovered: 'Connected again, but not where we left off: the server restarted, or the break was too long. Messages from in between may be missing here.',
  recovered: 'Connected again after a break since {0}. Nothing was missed.',
  tooSlow: 'The server hung up because this connection was too slow. Connecting again.',
  closedBecause: 'The server hung up: {0}', serverSays: 'The server says: {0}', noSuchClient: 'nobody with that id is here',
  unsure: 'the connection broke, it may have arrived or not', sending: 'Sending', waiting: 'Waiting for the connection', sent: 'Sent',
  failed: 'Not sent', again: 'Send again', discard: 'Discard', onlyYou: 'only you see this', to: 'to {0}', showAll: 'Show all', today: 'Today',
  yesterday: 'Yesterday', newMessages: '{0} new message|{0} new messages', toEnd: 'To the newest message',
  emptyTitle: 'It is quiet here', emptyText: 'Say hello, or share the link and wait for company.',
  tooLong: '{0} byte too long|{0} bytes too long', left_: '{0} byte left|{0} bytes left',
  help: '/name NAME sets your name\n/room ROOM goes to a room\n/msg WHO TEXT writes to one person (a name or #id)\n/help shows this\n//text sends text that begins with a slash',
  unknownCommand: 'There is no command {0}. Try /help; to send it as it is, begin with //.',
  usageRoom: 'Which room? /room ROOM', usageMsg: 'To whom, and what? /msg WHO TEXT (a name or #id)',
  nobody: 'Nobody here is called {0}. Use #id from the list of people.', ambiguous: 'More than one person here is called {0}. Use #id from the list of people.',
  yourName: 'Your name', nameHint: 'Shown to everyone in the room. Empty: {0}', theme: 'Appearance', auto: 'Automatic', light: 'Light', dark: 'Dark',
  sound: 'Sound for new messages', notify: 'Desktop notifications', denied: 'Notifications are blocked in the browser’s settings for this site.',
  save: 'Done', writeTo: 'Write to {0} alone', setName: 'Choose a name', clear: 'Clear',
  wireText: 'Every frame of this page’s WebSocket. Browsers do not show ping and pong frames nor the random mask to a page.',
  wireEmpty: 'Nothing yet.', sentBy: 'sent', got: 'received', bytes: '{0} B', headerBytes: 'Header', payload: 'Payload', mask: 'random mask', echoTitle: 'WebSocket Echo',
};
const zh = {
  title: 'WebSocket Chat', yourId: '你的 ID', send: '发送', message: '消息', messages: '消息',
  placeholder: '发消息到 {0}', helpHint: '输入 /help 查看命令', rooms: '房间', people: '成员', you: '你', youSay: '你',
  lobby: '大厅', goRoom: '进入房间', go: '进入', nav: '房间和成员', share: '复制房间链接',
  shared: '房间链接已复制：{0}', shareThis: '房间链接：{0}', settings: '设置', close: '关闭',
  wire: '线路视图', client: '客户端 #{0}', connecting: '连接中…', online: '已连接', offline: '离线',
  replaced: '已在别处打开', here: '{0} 人在线', more: '还有 {0} 人',
  offlineLong: '连接已断开。你写的消息会保留，稍后发送。', retryIn: '{0} 秒后重试。', tryNow: '立即重试',
  replacedLong: '这个聊天已在别处打开。', useHere: '在这里使用',
  joined: '{0} 加入了', left: '{0} 离开了聊天', renamed: '{0} 改名为 {1}', youRenamed: '你现在叫 {0}',
  notRecovered: '已重新连接，但无法接上：服务器重启过，或中断太久。这中间的消息可能缺失。',
  recovered: '从 {0} 起中断后已重新连接，没有遗漏消息。',
  tooSlow: '连接太慢，服务器断开了它。正在重新连接。',
  closedBecause: '服务器断开了连接：{0}', serverSays: '服务器提示：{0}', noSuchClient: '这里没有这个 ID',
  unsure: '连接中断，不知是否送达', sending: '发送中', waiting: '等待连接', sent: '已发送',
  failed: '未发送', again: '重新发送', discard: '放弃', onlyYou: '仅你可见', to: '发给 {0}', showAll: '显示全部', today: '今天',
  yesterday: '昨天', newMessages: '{0} 条新消息', toEnd: '到最新消息',
  emptyTitle: '这里很安静', emptyText: '打个招呼，或分享链接等人来。',
  tooLong: '超出 {0} 字节', left_: '还剩 {0} 字节',
  help: '/name 名字　设置你的名字\n/room 房间　进入房间\n/msg 某人 内容　私信（名字或 #id）\n/help　显示本帮助\n//内容　发送以斜杠开头的内容',
  unknownCommand: '没有命令 {0}。试试 /help；要原样发送，请以 // 开头。',
  usageRoom: '哪个房间？/room 房间', usageMsg: '发给谁，说什么？/msg 某人 内容（名字或 #id）',
  nobody: '这里没有人叫 {0}。请用成员列表中的 #id。', ambiguous: '这里不止一人叫 {0}。请用成员列表中的 #id。',
  yourName: '你的名字', nameHint: '房间里的人都能看到。留空则显示：{0}', theme: '外观', auto: '自动', light: '浅色', dark: '深色',
  sound: '新消息提示音', notify: '桌面通知', denied: '浏览器设置中已禁止本站的通知。',
  save: '完成', writeTo: '私信 {0}', setName: '取个名字', clear: '清空',
  wireText: '本页 WebSocket 的每一帧。浏览器不向页面显示 ping、pong 帧和随机掩码。',
  wireEmpty: '还没有内容。', sentBy: '发出', got: '收到', bytes: '{0} 字节', headerBytes: '帧头', payload: '载荷', mask: '随机掩码', echoTitle: 'WebSocket Echo',
};

const isChinese = /^zh\b/i.test(navigator.language);
const words = isChinese ? zh : en;
export const lang = isChinese ? 'zh-Hans' : 'en';

export function t(key, ...args) {
  const [one, many = one] = words[key].split('|');
  return (args[0] === 1 ? one : many).replace(/\{(\d)\}/g, (_, i) => args[i]);
}

// A person's name, or the number that the tutorial gives everybody.
export const who = (id, name) => name || t('client', id);

export const roomTitle = (name) => `# ${name === 'lobby' ? t('lobby') : name}`;

// Puts the words into the page: text, accessible name with tooltip, placeholder.
export function localize() {
  document.documentElement.lang = lang;
  for (const node of document.querySelectorAll('[data-t]')) node.textContent = t(node.dataset.t);
  for (const node of document.querySelectorAll('[data-t-label]')) {
    node.ariaLabel = t(node.dataset.tLabel);
    if (node.tagName === 'BUTTON') node.title = node.ariaLabel;
  }
  for (const node of document.querySelectorAll('[data-t-hint]')) node.placeholder = t(node.dataset.tHint);
}

const locale = isChinese ? navigator.language : navigator.language || 'en';
const clock = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit' });
const exactClock = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3, hour12: false });
const date = new Intl.DateTimeFormat(lang, { weekday: 'long', day: 'numeric', month: 'long' });
const fullDate = new Intl.DateTimeFormat(lang, { dateStyle: 'full' });
const moment = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'medium' });

export const time = (ts) => clock.format(ts);
export const exactTime = (ts) => exactClock.format(ts);
export const fullTime = (ts) => moment.format(ts);

// A number for the day of a time, in this place on earth.
export const dayOf = (ts) => new Date(ts).setHours(0, 0, 0, 0);

export function dayName(ts) {
  const today = dayOf(Date.now());
  const day = dayOf(ts);
  if (day === today) return t('today');
  if (day === dayOf(today - 43200000)) return t('yesterday');
  return (new Date(ts).getFullYear() === new Date().getFullYear() ? date : fullDate).format(ts);
}
