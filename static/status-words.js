// The words of the status page in Simplified Chinese; in English they are as the code has them. The language is chosen as in
// the chat page, whose choice counts where both have one origin.
const KEY = 'wschat.language';

function attempt(work) {
  try {
    return work();
  } catch {
    return null; // storage is blocked
  }
}

const chosen = attempt(() => JSON.parse(localStorage.getItem(KEY))) ?? 'auto';
const isChinese = chosen === 'zh' || (chosen !== 'en' && /^zh\b/i.test(navigator.language));

const chinese = new Map(`
status|状态
Connecting…|连接中…
Busiest rooms|最热闹的房间
How WebSockets ended|WebSocket 如何结束
HTTP responses|HTTP 响应
The last five minutes|最近五分钟
for Prometheus|供 Prometheus 采集
for probes|供健康检查
Language|语言
Automatic|自动
Clients|客户端
of {0} · rooms: {1} · connections: {2}|上限 {0} · 房间：{1} · 连接：{2}
Messages|消息
Deliveries|投递
{0} since the start|启动以来 {0}
Traffic|流量
out|发出
in|收到
{0} out, {1} in since the start|启动以来发出 {0}，收到 {1}
Delivery lag|投递延迟
from readable to handed to the sockets|从可读到交给套接字
median|中位数
Tick|每轮用时
how long the server is busy at a time|服务器每一轮忙多久
of one core · {0} since the start|占一个核心 · 启动以来 {0}
Memory|内存
{0} of it history · open files: {1}|其中历史消息 {0} · 打开的文件：{1}
Clients behind|落后的客户端
by up to {0} · closed: {1} · slowed down: {2}|最多落后 {0} · 已关闭：{1} · 被限速：{2}
Journal: syncs|日志文件：同步
cannot be written now: messages are refused|现在无法写入：消息被拒绝
{0} in {1} files · waiting: {2} · failures: {3}|{1} 个文件共 {0} · 等待：{2} · 失败：{3}
Redis: round trips|Redis：往返
up|正常
down: {0}|断开：{0}
all {0} up|{0} 个全部正常
{0} · waiting: {1} · rooms: {2} · connections lost: {3}|{0} · 等待：{1} · 房间：{2} · 连接中断：{3}
peak {0}|峰值 {0}
{0} over the last five minutes|最近五分钟：{0}
None so far|暂无
At {0}|{0} 时
Version {0} · up {1} · {2}|版本 {0} · 已运行 {1} · {2}
{0} clients – wschat status|{0} 个客户端 – wschat 状态
Running|运行中
Shutting down|正在关闭
No answer|无响应
No answer since {0}|自 {0} 起无响应
No answer – wschat status|无响应 – wschat 状态
{0} here|{0} 人在线
{0}/min|{0}/分钟
{0} d {1} h|{0} 天 {1} 小时
{0} h {1} min|{0} 小时 {1} 分
{0} min|{0} 分钟
{0} s|{0} 秒
done|正常结束
going away|一方离开
protocol error|协议错误
binary message|二进制消息
no code given|没有给出代码
connection lost|连接中断
not UTF-8|不是 UTF-8
message too long|消息过长
out of memory|内存不足
its room began anew|房间已重新开始
too far behind, or no place|落后太多，或没有位置
taken over by its owner|由本人在别处接管
id in use|ID 已被占用
no valid token|没有有效令牌
no right, or put out|无权限，或被移出
now a WebSocket|成为 WebSocket
answered|已回答
made|已创建
not modified|没有变化
sent to its base path|转到基础路径
malformed|格式不对
not allowed|不允许
no such path|没有此路径
other method|方法不对
other kind of answer wanted|要求别种格式的回答
took too long|用时过长
contradicts what is there|与现有内容冲突
no length given|没有给出长度
too long a body|正文过长
line too long|请求行过长
other kind of body|正文类型不对
other host|主机名不对
makes no sense|内容无法理解
not an upgrade|不是升级请求
too many from there|同一地址太多
head too long|请求头过长
file not readable|文件无法读取
not implemented|没有实现
full, or shutting down|已满，或正在关闭
HTTP version|HTTP 版本
`.trim().split('\n').map((line) => line.split('|')));

export const t = (text, ...values) => ((isChinese && chinese.get(text)) || text).replace(/\{(\d)\}/g, (_, i) => values[i]);

// Puts the words into the page, whose English is in it already.
export function localize() {
  document.documentElement.lang = isChinese ? 'zh-Hans' : 'en';
  for (const node of document.querySelectorAll('[data-t]')) node.textContent = t(node.textContent);
  const select = document.getElementById('language');
  select.value = chosen;
  select.onchange = () => {
    attempt(() => localStorage.setItem(KEY, JSON.stringify(select.value)));
    location.reload();
  };
}
