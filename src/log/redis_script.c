#include "log/redis_script.h"

#include <stdio.h>

#include "base/sha1.h"
#include "base/util.h"

#define SCRIPT_TEXT_OF(x) #x
#define SCRIPT_TEXT(x) SCRIPT_TEXT_OF(x)
#define SEATS_MAX SCRIPT_TEXT(REDIS_SEATS_MAX)

/* All that concern a room begin with: KEYS[1] the room, ARGV the node, its number of the request,
 * the generation of this Redis, an epoch for a room that has none, entries that a stream keeps.
 * What is told stands in a stream, too: "seq epoch prev node number\nbody", where prev is the seq
 * of the message before. A room of an older generation gets a new epoch: after a failover the seqs
 * may have been given out twice. So does one whose streams take nothing more, because somebody else
 * has written there: it begins anew, where no entry could be added for ever. What cannot be added
 * for another reason that is the room's own makes no event, and nothing else of what is asked: why
 * is returned in place of its seq. Rooms without seats are forgotten after a week, but for that of
 * bans, whose name alone has a control character. */
static const char room_head[] =
    "local K,node,num,gen=KEYS[1],ARGV[1],tonumber(ARGV[2]),tonumber(ARGV[3])\n"
    "local keep=ARGV[5]\n"
    "local h=redis.call('HMGET',K,'e','s','l','g','n:'..node)\n"
    "local e,s,l,n=h[1],tonumber(h[2] or 0),h[3] or '0',tonumber(h[5] or 0)\n"
    "if not e then redis.call('DEL',K,K..':m',K..':p',K..':u') s=0 l='0' n=0 end\n"
    "if not e or tonumber(h[4])<gen then e=ARGV[4]\n"
    " redis.call('HSET',K,'e',e,'g',ARGV[3],'s',s,'l',l) end\n"
    "local function entry(S,num,body)\n"
    " return S..' '..e..' '..l..' '..node..' '..num..'\\n'..body end\n"
    "local function add(kind,num,body)\n"
    " local S=string.format('%.0f',s+1) local t=entry(S,num,body)\n"
    " local r=redis.pcall('XADD',K..kind,'MAXLEN','~',keep,'0-'..S,'d',t)\n"
    " if type(r)=='table' then\n"
    "  if string.find(r.err,'equal or smaller',1,true) or string.find(r.err,'last "
    "possible',1,true)\n"
    "  then redis.call('DEL',K..':m',K..':p') e=ARGV[4] redis.call('HSET',K,'e',e)\n"
    "   t=entry(S,num,body)\n"
    "  elseif string.find(r.err,'^WRONGTYPE') then return nil,r.err end\n"
    "  redis.call('XADD',K..kind,'MAXLEN','~',keep,'0-'..S,'d',t) end\n"
    " s=s+1 return S,t end\n"
    "local function tell(body)\n"
    " local S,t=add(':p',ARGV[2],body)\n"
    " if not S then return nil,'U\\n'..t end\n"
    " redis.call('HSET',K,'s',S,'n:'..node,ARGV[2])\n"
    " redis.call('PUBLISH',K..':c',#t..'\\n'..t) return s end\n"
    "local function mine(u) return u and string.sub(u,1,#node+1)==node..' ' end\n"
    "local function quiet()\n"
    " if redis.call('HLEN',K..':u')==0 and not string.find(K,'\\1',1,true) then\n"
    " for _,x in ipairs({'',':m',':p'}) do redis.call('EXPIRE',K..x,604800) end end end\n";

/* ARGV from 6 on, for each: number, id, which stream, name, body, "s" where it was said from a
 * seat, else "p" and a number of the subject that posted it: nobody but who sits there has an id.
 * All that are told of go in one message, so that a node is woken once. Returns a word for each,
 * and behind a line feed why one was refused. One that is to be said once comes alone, and behind
 * it what it is known by and a digest, of 32 bytes each: where it was said before, "I" with the
 * epoch, the seq and the time of then is returned, or "O" where that was something else. */
static const char publish_body[] =
    "local once,known=ARGV[12]\n"
    "if #ARGV==12 then known=K..':k:'..string.sub(once,1,32)\n"
    " local v=tonumber(ARGV[6])>n and redis.call('HMGET',known,'c','e','s','t')\n"
    " if v and v[1] then if v[1]~=string.sub(once,33) then return 'O' end\n"
    "  return 'I'..v[2]..' '..v[3]..' '..v[4] end end\n"
    "local out,told,who,why={},{},{},''\n"
    "for i=6,#ARGV-5,6 do\n"
    " local num,id,kind,said,w=tonumber(ARGV[i]),ARGV[i+1],ARGV[i+2],ARGV[i+5]=='s','.'\n"
    " local u=who[id]\n"
    " if u==nil and id~='0' then u=redis.call('HGET',K..':u',id) who[id]=u end\n"
    " if num<=n then w='D'\n"
    " elseif id~='0' and not mine(u) and (u or said) and not (u and not said and\n"
    "  string.match(u,'^%S+ %S [^%s:]*:(%d+) ')==string.sub(ARGV[i+5],2)) then w=said and 'G' or "
    "'T'\n"
    " else\n"
    "  local S,t=add(kind,ARGV[i],ARGV[i+4])\n"
    "  if not S then w='U' why='\\n'..t\n"
    "  else\n"
    "   if kind==':p' then u=string.match(u,'^(%S+ %S %S+ )')..ARGV[i+3] who[id]=u\n"
    "    redis.call('HSET',K..':u',id,u) end\n"
    "   n=num if kind==':m' then l=S end\n"
    "   if known then redis.call('HSET',known,'c',string.sub(once,33),'e',e,'s',S,\n"
    "    't',string.match(ARGV[10],'^%S+ (%d+)')) redis.call('EXPIRE',known,300) end\n"
    "   told[#told+1]=#t..'\\n'..t end end\n"
    " out[#out+1]=w end\n"
    "if #told>0 then\n"
    " redis.call('HSET',K,'s',string.format('%.0f',s),'l',l,'n:'..node,string.format('%.0f',n))\n"
    " redis.call('PUBLISH',K..':c',table.concat(told)) end\n"
    "if ARGV[11]~='s' then quiet() end\n"
    "return table.concat(out)..why\n";

/* KEYS[2]: the rooms of the node; KEYS[3]: the nodes. "M" and the seq that the room has: what was
 * told up to there is older than the move. What was asked for on a connection that was given up may
 * be done when the node was given up, too: then it is known as one whose lease is over, so that
 * the seat does not stay for ever. */
static const char enter_body[] =
    "local function moved() return string.format('M%.0f',s) end\n"
    "local id,key,proof,name=ARGV[6],ARGV[7],ARGV[8],ARGV[9]\n"
    "local u=redis.call('HGET',K..':u',id)\n"
    "local who,how,hash,old\n"
    "if u then who,how,hash,old=string.match(u,'^(%S+) (%S) (%S+) (.*)$') end\n"
    "if num<=n then if who==node and how=='t' then return moved() end return 'D' end\n"
    "redis.call('SADD',KEYS[2],ARGV[11]) redis.call('ZADD',KEYS[3],'NX',1,node)\n"
    "if u and who~=node then\n"
    " local base=string.match(hash,'^[^:]*')\n"
    " if base=='-' or base~=proof then return 'T' end\n"
    " redis.call('HSET',K..':u',id,node..' t '..hash..' '..old)\n"
    " redis.call('HSET',K,'n:'..node,ARGV[2])\n"
    " redis.call('PUBLISH',ARGV[12]..who,'M '..id..' '..ARGV[11])\n"
    " return moved() end\n"
    "if not u and redis.call('HLEN',K..':u')>=" SEATS_MAX " then\n"
    " return 'U\\nit has " SEATS_MAX " seats: no room may have more' end\n"
    "local S,why=tell(ARGV[10]) if not S then return why end\n"
    "redis.call('HSET',K..':u',id,node..' j '..key..' '..name)\n"
    "for _,x in ipairs({'',':m',':p'}) do redis.call('PERSIST',K..x) end\n"
    "return S\n";

/* The seat goes first: where memory is full that opens the way for its leave. */
static const char leave_body[] =
    "if num<=n then return 'D' end\n"
    "local u=redis.call('HGET',K..':u',ARGV[6])\n"
    "if not mine(u) then return 'N' end\n"
    "redis.call('HDEL',K..':u',ARGV[6])\n"
    "local r,why=tell(ARGV[7])\n"
    "if not r then redis.call('HSET',K..':u',ARGV[6],u) return why end\n"
    "quiet() return r\n";

/* ARGV from 6 on: whose seat, "P" or "K", its text, what the channels of nodes begin with. Who is
 * put out cannot come back with its key, wherever. */
static const char errand_body[] =
    "if num<=n then return 'D' end\n"
    "redis.call('HSET',K,'n:'..node,ARGV[2])\n"
    "local u=redis.call('HGET',K..':u',ARGV[6])\n"
    "if not u then return 'A' end\n"
    "local who,how,name=string.match(u,'^(%S+) (%S) %S+ (.*)$')\n"
    "if ARGV[7]=='K' then redis.call('HSET',K..':u',ARGV[6],who..' '..how..' - '..name) end\n"
    "if redis.call('PUBLISH',ARGV[9]..who,ARGV[8])==0 then return 'W' end\n"
    "return 'S'\n";

/* ARGV[6]: seq that is known; -1: none. That one comes too, so that it can be compared. ARGV[7]:
 * bytes of entries: where they are more, the oldest are left out. ARGV[8]: entries to look at at
 * once. Where there are too many seats for an answer, that is said in place of them. */
static const char snapshot_body[] =
    "if redis.call('HLEN',K..':u')>" SEATS_MAX
    " then return redis.error_reply('ERR it has more '..\n"
    " 'than " SEATS_MAX " seats: no room may have so many') end\n"
    "local known=tonumber(ARGV[6])>=0\n"
    "local left,step=tonumber(ARGV[7]),tonumber(ARGV[8])\n"
    "if not known then step=math.min(step,tonumber(keep)) end\n"
    "local function newest(kind)\n"
    " local out,to={},'+'\n"
    " while true do\n"
    "  local r=redis.call('XREVRANGE',K..kind,to,known and '0-'..ARGV[6] or '-','COUNT',step)\n"
    "  for _,x in ipairs(r) do left=left-#x[2][2]-64\n"
    "   if #out>0 and (left<0 or (not known and #out>=tonumber(keep))) then return out end\n"
    "   out[#out+1]=x end\n"
    "  if #r<step then return out end\n"
    "  to='('..r[#r][1] end end\n"
    "local m,p=newest(':m'),newest(':p')\n"
    "quiet() return {e,string.format('%.0f',s),l,m,p,redis.call('HGETALL',K..':u')}\n";

/* KEYS: the nodes, the life. ARGV: this node, milliseconds of its lease, and of the grace after
 * one, its channel: what is told there shows that it hears what it says. Where nobody could renew a
 * lease for a while, because Redis was away or took nothing, that all leases are over says nothing
 * of the nodes: they have the time of a whole one to come back. So they have where the clock of
 * Redis was set back: else a node that died then would have its seats until the time is the old one
 * again. Returns "K" where the lease was not over, else "N"; then in how many milliseconds the next
 * seats are to be given up if nobody renews their lease; and the nodes whose seats are now. */
static const char lease_text[] =
    "local t=redis.call('TIME') local now=t[1]*1000+math.floor(t[2]/1000)\n"
    "local N=string.format('%.0f',now)\n"
    "local known=redis.call('ZSCORE',KEYS[1],ARGV[1])\n"
    "if known and tonumber(known)<now-tonumber(ARGV[3]) then known=nil end\n"
    "redis.call('ZADD',KEYS[1],now+tonumber(ARGV[2]),ARGV[1])\n"
    "local h=redis.call('HMGET',KEYS[2],'seen','since')\n"
    "local since=tonumber(h[2] or 0)\n"
    "local gap=now-tonumber(h[1] or 0)\n"
    "if gap<0 then\n"
    " for _,x in ipairs(redis.call('ZRANGEBYSCORE',KEYS[1],now+15001,'+inf')) do\n"
    "  redis.call('ZADD',KEYS[1],now+15000,x) end end\n"
    "if gap>10000 or gap<0 then since=now redis.call('HSET',KEYS[2],'since',N) end\n"
    "redis.call('HSET',KEYS[2],'seen',N)\n"
    "redis.call('PUBLISH',ARGV[4],'B')\n"
    "if now-since<15000 then return {known and 'K' or 'N'} end\n"
    "local "
    "due=redis.call('ZRANGEBYSCORE',KEYS[1],now-tonumber(ARGV[3]),'+inf','WITHSCORES','LIMIT',"
    "0,1)\n"
    "local r=redis.call('ZRANGEBYSCORE',KEYS[1],'-inf','('..(now-tonumber(ARGV[3])),"
    "'LIMIT',0,16)\n"
    "table.insert(r,1,string.format('%.0f',tonumber(due[2] or now)+ARGV[3]-now+1))\n"
    "table.insert(r,1,known and 'K' or 'N') return r\n";

/* KEYS: the nodes, the rooms of the one that died. ARGV: it, the grace, the prefix of rooms, ts,
 * entries that a stream keeps. One room at a time, and so many seats. Returns 0 where all is done.
 * A room of which nothing can be told is given up with a line that says why: it must not keep
 * others from being told. */
static const char reap_text[] =
    "local t=redis.call('TIME') local now=t[1]*1000+math.floor(t[2]/1000)\n"
    "local dead,keep=ARGV[1],ARGV[5]\n"
    "local x=redis.call('ZSCORE',KEYS[1],dead)\n"
    "if not x or tonumber(x)>now-tonumber(ARGV[2]) then return 0 end\n"
    "local room=redis.call('SRANDMEMBER',KEYS[2])\n"
    "if not room then redis.call('ZREM',KEYS[1],dead) return 0 end\n"
    "local K=ARGV[3]..'{'..room..'}'\n"
    "local function call(...)\n"
    " local r=redis.pcall(...)\n"
    " if type(r)=='table' and r.err and string.find(r.err,'^WRONGTYPE') then error('!'..r.err,0) "
    "end\n"
    " if type(r)=='table' and r.err then return redis.call(...) end\n"
    " return r end\n"
    "local h,all\n"
    "local function leave(id,name)\n"
    " local S=string.format('%.0f',tonumber(h[2])+1)\n"
    " local function text() return S..' '..h[1]..' '..h[3]..' '..dead..' 0\\nL '..ARGV[4]..' '..id"
    "..' 0 '..#name..' -\\n'..name end\n"
    " local b=text()\n"
    " local r=redis.pcall('XADD',K..':p','MAXLEN','~',keep,'0-'..S,'d',b)\n"
    " if type(r)=='table' then\n"
    "  if string.find(r.err,'equal or smaller',1,true) or string.find(r.err,'last "
    "possible',1,true)\n"
    "  then redis.call('DEL',K..':m',K..':p') h[1]=ARGV[4] redis.call('HSET',K,'e',h[1]) end\n"
    "  b=text() call('XADD',K..':p','0-'..S,'d',b) end\n"
    " h[2]=S redis.call('HSET',K,'s',S) redis.call('PUBLISH',K..':c',#b..'\\n'..b) end\n"
    "local function reap()\n"
    " h=call('HMGET',K,'e','s','l') all=call('HGETALL',K..':u')\n"
    " local done=0\n"
    " for i=1,#all,2 do\n"
    "  local who,name=string.match(all[i+1],'^(%S+) %S %S+ (.*)$')\n"
    "  if who==dead then\n"
    "   if done==500 then return 1 end\n"
    "   done=done+1 redis.call('HDEL',K..':u',all[i])\n"
    "   if h[1] then leave(all[i],name) end end end\n"
    " redis.call('HDEL',K,'n:'..dead)\n"
    " if redis.call('HLEN',K..':u')==0 then\n"
    "  for _,y in ipairs({'',':m',':p'}) do redis.call('EXPIRE',K..y,604800) end end end\n"
    "local ok,r=pcall(reap)\n"
    "if not ok and string.sub(tostring(r),1,1)~='!' then error(r,0) end\n"
    "if r~=1 then redis.call('SREM',KEYS[2],room) end\n"
    "return ok and 1 or room..'\\n'..string.sub(r,2)\n";

/* KEYS: the life, the nodes. ARGV: master_replid, this node, the servers that it spreads rooms
 * over: nodes that live must agree on those. The generation is a time, so that it never falls.
 * First all commands of the scripts are tried: a right that is missing is told before anybody is
 * led here. */
static const char life_text[] =
    "for command in string.gmatch('DEL @/HSET @ a 1/HGET @ a/HMGET @ a b/HGETALL @/HLEN @/HDEL @ "
    "a/'"
    "..'XADD @ MAXLEN ~ 1 0-1 a 1/XREVRANGE @ + - COUNT 1/EXPIRE @ 60/PERSIST @/DEL @/SADD @ a/'"
    "..'SRANDMEMBER @/SREM @ a/ZADD @ 1 a/ZSCORE @ a/ZRANGEBYSCORE @ 0 1/ZREM @ a','[^/]+') do\n"
    " local words={}\n"
    " for x in string.gmatch(command,'%S+') do words[#words+1]=x=='@' and KEYS[1]..':try' or x "
    "end\n"
    " redis.call(unpack(words)) end\n"
    "local h=redis.call('HMGET',KEYS[1],'replid','gen','others')\n"
    "local t=redis.call('TIME') local now=t[1]*1000+math.floor(t[2]/1000)\n"
    "if h[3] and h[3]~=ARGV[3] then\n"
    " for _,x in ipairs(redis.call('ZRANGEBYSCORE',KEYS[2],now+1,'+inf')) do\n"
    "  if x~=ARGV[2] then return redis.error_reply('OTHERS another node has other values of "
    "--redis: all nodes must name the same servers, written alike') end end end\n"
    "redis.call('HSET',KEYS[1],'others',ARGV[3])\n"
    "if h[1]==ARGV[1] then return h[2] end\n"
    "local gen=math.max(now,tonumber(h[2] or 0)+1)\n"
    "local G=string.format('%.0f',gen)\n"
    "redis.call('HSET',KEYS[1],'replid',ARGV[1],'gen',G) return G\n";

static const struct {
    const char *head, *body;
} scripts[REDIS_SCRIPTS] = {
    [REDIS_PUBLISH] = {room_head, publish_body},
    [REDIS_ENTER] = {room_head, enter_body},
    [REDIS_LEAVE] = {room_head, leave_body},
    [REDIS_ERRAND] = {room_head, errand_body},
    [REDIS_SNAPSHOT] = {room_head, snapshot_body},
    [REDIS_LEASE] = {"", lease_text},
    [REDIS_REAP] = {"", reap_text},
    [REDIS_LIFE] = {"", life_text},
};

struct str redis_script_text(enum redis_script script, char *out, size_t size)
{
    int len = snprintf(out, size, "%s%s", scripts[script].head, scripts[script].body);

    return (struct str){out, (size_t)len};
}

void redis_script_name(enum redis_script script, char out[41])
{
    char text[REDIS_SCRIPT_MAX];
    struct str whole = redis_script_text(script, text, sizeof(text));
    uint8_t digest[SHA1_SIZE];

    sha1(digest, whole.ptr, whole.len);
    for (int i = 0; i < SHA1_SIZE; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
}
