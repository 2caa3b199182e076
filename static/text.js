// The words of the page in English and Simplified Chinese, and how times are written.
import { site } from './store.js';

const words = new Map();
const chosen = site.get('language', 'auto');
const isChinese = chosen === 'zh' || (chosen !== 'en' && /^zh\b/i.test(navigator.language));
export const language = chosen === 'auto' ? navigator.language : isChinese ? 'zh-Hans' : 'en';
for (const line of `
yourId|Your ID|你的 ID
send|Send|发送
message|Message|消息
nav|Rooms and people|房间和成员
rooms|Rooms|房间
people|People|成员
goRoom|Go to a room|进入房间
share|Invite to this room|邀请加入房间
copy|Copy the link|复制链接
copied|Copied ✓|已复制 ✓
onlyHere|Only this machine can open this address.|只有本机能打开此地址。
save|Save as text|保存为文本
unfold|Show all of it|展开全文
newHere|New|新消息
moves|{0} joined, {1} left|{0} 人加入，{1} 人离开
wire|Wire view|线路视图
wireText|What this page sends and receives. Open a frame to see its bytes.|本页收发的帧，点开可看每个字节。
controls|Browsers hide pings and pongs: have the server tell of them|浏览器隐藏 ping 和 pong：请服务器告知
told|told by the server ×{0}|由服务器告知 ×{0}
wireFilter|Find frames|查找帧
pause|Pause|暂停
resume|Go on|继续
copyHex|Copy as hex|复制十六进制
length|length {0}|长度 {0}
lengthForm|{0}: the length is in the next {1} bytes|{0}：长度在后面 {1} 个字节
maskKey|masking key|掩码密钥
masked|payload, masked: as it goes over the wire|掩码后的载荷：线路上的样子
payload|payload, {0} bytes|载荷，{0} 字节
closeCode|close code {0}, then the reason|关闭码 {0}，后面是原因
ownMask|The masking key is not told; this one is made up.|掩码密钥没有告知，这里的是虚构的。
ownKey|The browser hides its key; these two are the example of the RFC.|浏览器隐藏密钥，这里是 RFC 的例子。
noClose|There was no Close frame: the connection just ended.|没有收到 Close 帧，连接直接断开。
close|Close|关闭
settings|Settings|设置
yourName|Your name|你的名字
theme|Appearance|外观
auto|Automatic|自动
light|Light|浅色
dark|Dark|深色
sound|Sound for new messages|新消息提示音
notify|Desktop notifications|桌面通知
done|Done|完成
quiet|It is quiet here|这里很安静
quietText|Say hello, or share the link.|打个招呼，或分享链接等人来。
tip|/help for commands|输入 /help 查看命令
connecting|Connecting…|连接中…
online|Connected|已连接
offline|Offline|离线
replaced|Opened elsewhere|已在别处打开
token|Needs a token|需要令牌
forbidden|Not let in|未获准进入
refused|Refused|被拒绝
here|{0} here|{0} 人在线
offlineLong|No connection. What you write is kept and sent later.|连接已断开。你写的消息会保留，稍后发送。
replacedLong|This chat was opened in another place.|这个聊天已在别处打开。
offlineAct|Try now|立即重试
replacedAct|Use it here|在这里使用
types|{0} writing…|{0} 正在输入…
tokenLong|You cannot come in: {0}. Open the link that you were given.|无法进入：{0}。请打开你收到的链接。
forbiddenLong|You may not be in # {1}: {0}.|你不能进入 # {1}：{0}。
refusedLong|The server does not take this page: {0}|服务器不接受此页面：{0}
door|This chat has a password|此聊天需要密码
password|Password|密码
wrongPassword|That was wrong.|密码不对。
waitPassword|Too often wrong: try again in {0} s.|错误太多，请 {0} 秒后再试。
menu|More|更多
reply|Reply|回复
noReply|Do not reply|取消回复
earlier|an earlier message|较早的消息
noOlder|Nothing older is kept.|没有更早的消息了。
retract|Take back|撤回
kick|Put out|请出
banHour|Keep out for an hour|禁入一小时
banEver|Keep out|一直禁入
retracted|taken back|已撤回
banned|{0} may not come in again.|{0} 不能再进入。
slowOn|{0}: one message in {1} s for each|{0}：每人 {1} 秒一条消息
slowOff|{0}: as many messages as you like|{0}：不再限制发言间隔
usage|/kick WHO · /ban WHO MINUTES · /slow SECONDS · /retract|/kick 某人 · /ban 某人 分钟 · /slow 秒 · /retract
retryIn|Next try in {0} s|{0} 秒后重试
notRecovered|Connected again, but the server restarted or the break was too long: messages may be missing.|已重新连接，但服务器重启过或中断太久：可能缺少消息。
tooSlow|The connection was too slow for this room.|连接太慢，跟不上这个房间。
asIs|{0}|{0}
serverSays|The server says: {0}|服务器提示：{0}
you|You|你
client|Client #{0}|客户端 #{0}
more|and {0} more|还有 {0} 人
join|{0} joined|{0} 加入了
leave|{0} left the chat|{0} 离开了聊天
rename|{0} took the name {1}|{0} 改名为 {1}
onlyYou|only you see this|仅你可见
to|to {0}|发给 {0}
waiting|Waiting|等待中
sending|Sending|发送中
sent|Sent|已发送
failed|Not sent|未发送
again|Try again|重试
unsure|it may have arrived|可能已送达
today|Today|今天
newMessages|New messages: {0}|{0} 条新消息
toEnd|Newest messages|最新消息
tooLong|Too long by {0} bytes|超出 {0} 字节
help|/name NAME · /room ROOM · /msg WHO TEXT (name or #id) · /retract · //text sends /text · ↑ leads to messages, Enter replies and reacts|/name 名字 · /room 房间 · /msg 某人 内容（名字或 #id）· /retract · //内容 发送 /内容 · ↑ 选择消息，回车可回复和回应
unknown|{0}? See /help; begin with // to send it as it is.|{0}？请看 /help；要原样发送请以 // 开头。
noSuchClient|nobody with that id is here|这里没有这个 ID
noStorage|This browser keeps nothing for this page: a reload makes you somebody new.|浏览器不为本页保存数据：刷新后你会成为新的客户端。
noSound|This browser plays no sound here.|浏览器无法在此播放声音。
needsHttps|Browsers allow notifications only on https pages.|浏览器只允许 https 页面发送通知。
notAllowed|The browser does not allow notifications.|浏览器不允许发送通知。
noCopy|The browser did not allow it: press Ctrl+C|浏览器不允许，请按 Ctrl+C
language|Language|语言
english|English|英文 (EN)
filter|Find people|查找成员
forget|Remove # {0} from the list|从列表中移除 # {0}
waits|{0} waiting|{0} 条待发
waitsIn|Not sent yet: {0} in # {1}. Go there to send it.|# {1} 中有 {0} 条消息未发送，进入该房间后发送。
writeTo|Write to {0}|写给 {0}
toNobody|To all again, not only to {0}|不再只发给 {0}
privately|Only {0} sees this|只有 {0} 能看到
cut|Too long: it is now {0}|太长，已截断为 {0}
askName|Your name?|你的名字？
keep|Keep|使用
stay|No name|不用名字
nobody|To whom? Nobody here is called {0}.|发给谁？这里没有人叫 {0}。
several|To which one? {0}. Put the #number behind the name.|发给哪一位？{0}。请在名字后加上 #编号。
whom|/msg WHO TEXT: to whom?|/msg 某人 内容：发给谁？
whichRoom|/room ROOM: which one?|/room 房间：哪一个？
`.split('\n')) {
  const [key, english, chinese] = line.split('|');
  words.set(key, isChinese ? chinese : english);
}

const GUESTS = isChinese ? '水獭 喜鹊 雨燕 海豚' : 'Otter Magpie Swift Dolphin';
export const guestName = (id) => `${GUESTS.split(' ')[id.slice(-5, -2) % 4]}-${id.slice(-2)}`;

export const t = (key, ...values) => (words.get(key) ?? '').replace(/\{(\d)\}/g, (_, i) => values[i]);

// The same as nodes: no value turns the words round.
export const tNodes = (key, ...values) => words.get(key).split(/\{(\d)\}/).map((part, i) =>
  i % 2 ? Object.assign(document.createElement('bdi'), { textContent: values[part] }) : part);

// Puts the words and the theme into the page.
export function localize() {
  const { documentElement: root } = document;
  root.lang = isChinese ? 'zh-Hans' : 'en';
  root.dataset.theme = site.get('theme');
  for (const node of document.querySelectorAll('[data-t]')) node.textContent = t(node.dataset.t);
  for (const node of document.querySelectorAll('[data-label]')) {
    node.ariaLabel = t(node.dataset.label);
    if (node.localName === 'button') node.title = node.ariaLabel;
    if (node.localName === 'input') node.placeholder = node.ariaLabel;
  }
}

const writer = (options) => new Intl.DateTimeFormat(language, options).format;
export const time = writer({ hour: 'numeric', minute: '2-digit' });
const date = writer({ dateStyle: 'full' });

export const dayOf = (ts) => new Date(ts).toDateString();
export const dayName = (ts) => (dayOf(ts) === dayOf(Date.now()) ? t('today') : date(ts));
