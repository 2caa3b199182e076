/* The load generator: one thread that plays all clients of a room, and checks what each of them
 * receives. Prints one line of key=value pairs for each server.
 *
 *   load fanout    clients in rooms, some of which send; each receiver checks order, loss, doubles
 *   load echo      each client gets back what it sends
 *   load connect   a storm of handshakes, and the memory of the clients that then sit idle
 *   load churn     clients come and go while members look on
 *
 * It can compare two servers: then it drives them by turns of some 100 ms, in the order A B B A,
 * with all clients of both connected all the time. What else the machine does then touches both.
 *
 * `load --help` lists the options. Exit status 1: the server broke a promise; 2: usage. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "crowd.h"
#include "hist.h"
#include "proc.h"
#include "v1.h"

#define SECOND 1000000000ull
#define IN_FLIGHT 128 /* connects at a time while a crowd is gathered */
#define TURNS 10      /* the parts of the measured time */
#define SERVERS_MAX 2
#define NODES_MAX 16 /* processes of a server besides the one that --pid names */

struct settings {
    uint16_t ports[SERVERS_MAX];
    pid_t pids[SERVERS_MAX];
    bool has_events[SERVERS_MAX];        /* those who do not send listen to event streams */
    pid_t nodes[SERVERS_MAX][NODES_MAX]; /* the other processes of each, up to a 0 */
    pid_t redis[SERVERS_MAX];            /* what they share their rooms by; 0: nothing */
    int servers;                         /* whose port and process were told */
    int server;                          /* the one of these */
    pid_t pid;                           /* ... and its process */
    uint32_t clients;
    uint32_t senders;
    uint32_t window; /* messages that a sender has under way */
    double rate;     /* messages a second of all senders; 0: as the window allows */
    size_t size;
    uint32_t rooms;
    bool to_all; /* the sender gets its own `says` too */
    bool is_binary;
    bool has_languages;
    bool is_v1;
    double seconds;
    double warmup;
    uint32_t in_flight;
    uint32_t hand_overs; /* in each turn, of the server that --pid names: a keeper */
};

/* What is read at the start and the end of each turn, or the sum of the differences. */
struct sample {
    uint64_t time;
    uint64_t server_cpu;
    uint64_t redis_cpu;
    uint64_t server_delay;
    uint64_t own_cpu;
    uint64_t own_delay;
    uint64_t user; /* as the kernel counts, in ticks: for the share only */
    uint64_t system;
    uint64_t faults;
    uint64_t things; /* that are counted: messages, or clients that came */
    uint64_t bytes;
    uint64_t wire;
    uint64_t reads;
};

struct load {
    struct settings set;
    struct crowd crowd;
    struct hist latency;
    uint64_t slowest;    /* of all latencies since a hand-over was asked for */
    uint32_t handed;     /* how many were */
    struct sample spent; /* in all turns so far */
    bool is_sending;
    uint64_t received;   /* messages, by all clients */
    uint64_t missing;    /* messages or notices that never came */
    uint64_t memory;     /* of the server before the clients came */
    uint32_t per_room;   /* senders in a room, at most */
    uint32_t *expected;  /* [client][sender of its room]: the next number */
    uint64_t gaps;       /* messages that were jumped over */
    uint64_t repeats;    /* messages that came again or late */
    uint64_t left_count; /* leave notices */
    uint64_t left_sum;   /* of the ids in them */
    uint64_t next_id;    /* of those who come and go */
    uint64_t joins;
    const char *mode;
};

static uint64_t server_cpu(const struct settings *set)
{
    uint64_t cpu = proc_cpu_ns(set->pid);

    for (int i = 0; i < NODES_MAX && set->nodes[set->server][i] != 0; i++)
        cpu += proc_cpu_ns(set->nodes[set->server][i]);
    return cpu;
}

static uint64_t redis_cpu(const struct settings *set)
{
    pid_t pid = set->redis[set->server];

    return pid == 0 ? 0 : proc_cpu_ns(pid);
}

static struct sample sample_take(struct load *l)
{
    struct traffic *t = &l->crowd.traffic;
    struct proc_stat stat = proc_stat(l->set.pid);

    return (struct sample){.time = traffic_clock(t),
                           .server_cpu = server_cpu(&l->set),
                           .redis_cpu = redis_cpu(&l->set),
                           .server_delay = proc_delay_ns(l->set.pid),
                           .own_cpu = proc_cpu_ns(getpid()),
                           .own_delay = proc_delay_ns(getpid()),
                           .user = stat.user,
                           .system = stat.system,
                           .faults = stat.faults,
                           .things = l->received + l->joins,
                           .bytes = t->bytes,
                           .wire = t->wire,
                           .reads = t->reads};
}

/* Ends a turn that began with the sample `a`. */
static void add_turn(struct load *l, const struct sample *a)
{
    struct sample b = sample_take(l);

    l->spent.time += b.time - a->time;
    l->spent.server_cpu += b.server_cpu - a->server_cpu;
    l->spent.redis_cpu += b.redis_cpu - a->redis_cpu;
    l->spent.server_delay += b.server_delay - a->server_delay;
    l->spent.own_cpu += b.own_cpu - a->own_cpu;
    l->spent.own_delay += b.own_delay - a->own_delay;
    l->spent.user += b.user - a->user;
    l->spent.system += b.system - a->system;
    l->spent.faults += b.faults - a->faults;
    l->spent.things += b.things - a->things;
    l->spent.bytes += b.bytes - a->bytes;
    l->spent.wire += b.wire - a->wire;
    l->spent.reads += b.reads - a->reads;
}

/* ---- what the sessions report ---- */

static void on_open(void *owner, struct session *s)
{
    struct load *l = owner;

    l->crowd.open++;
    hist_add(&l->latency, l->crowd.traffic.now - s->started_at);
}

static void ignore_left(void *owner, struct session *s, uint64_t id)
{
    (void)owner;
    (void)s;
    (void)id;
}

static void check_next(struct load *l, uint32_t *expected, uint32_t seq)
{
    if (seq == *expected) {
        *expected = seq + 1;
    } else if (seq < *expected) {
        l->repeats++;
    } else {
        l->gaps += seq - *expected;
        *expected = seq + 1;
    }
}

static void on_own(struct load *l, struct session *s)
{
    if (s->stamp.sender != s->index)
        traffic_broken(&l->crowd.traffic, "another client's message as its own", s);
    check_next(l, &s->acked, s->stamp.seq);
    if (l->is_sending && l->set.rate == 0)
        s->credit++;
}

static void on_message(void *owner, struct session *s)
{
    struct load *l = owner;
    uint32_t sender = s->stamp.sender;

    l->received++;
    if (s->kind == MESSAGE_COUNTED)
        return;
    hist_add(&l->latency, l->crowd.traffic.now - s->stamp.time);
    if (l->crowd.traffic.now - s->stamp.time > l->slowest)
        l->slowest = l->crowd.traffic.now - s->stamp.time;
    if (s->kind != MESSAGE_WROTE || !l->set.to_all)
        s->order = (s->order ^ s->stamp.seq ^ (uint64_t)sender << 32) * 0x9e3779b97f4a7c15;
    if (s->kind != MESSAGE_SAYS)
        on_own(l, s);
    else if (sender < l->set.senders && sender % l->set.rooms == s->index % l->set.rooms)
        check_next(l, &l->expected[(size_t)s->index * l->per_room + sender / l->set.rooms],
                   s->stamp.seq);
    else
        traffic_broken(&l->crowd.traffic, "a message of another room", s);
}

/* ---- results ---- */

static void print_settings(const struct load *l)
{
    const struct settings *set = &l->set;

    printf("mode=%s clients=%" PRIu32 " senders=%" PRIu32 " window=%" PRIu32 " rate=%g size=%zu"
           " rooms=%" PRIu32,
           l->mode, set->clients, set->senders, set->window, set->rate, set->size, set->rooms);
}

/* Cost of each thing in the server's CPU time. */
static void print_cost(const struct sample *spent)
{
    double count = (double)(spent->things > 0 ? spent->things : 1);
    double user = (double)spent->user;
    double sys = (double)spent->system;
    double seconds = (double)spent->time / 1e9;

    printf(" faults=%.4f", (double)spent->faults / count);
    printf(" seconds=%.3f count=%" PRIu64 " per_second=%.0f cpu_us=%.4f user_part=%.3f", seconds,
           spent->things, (double)spent->things / seconds, (double)spent->server_cpu / 1e3 / count,
           user + sys > 0 ? user / (user + sys) : 0);
    if (spent->redis_cpu > 0)
        printf(" redis_us=%.4f", (double)spent->redis_cpu / 1e3 / count);
}

/* Who had no time to spare: on the CPU, or waiting for one that others use (delay). */
static void print_bottleneck(const struct sample *spent)
{
    double time = (double)spent->time;
    double server = (double)spent->server_cpu / time;
    double server_delay = (double)spent->server_delay / time;
    double own = (double)spent->own_cpu / time;
    double own_delay = (double)spent->own_delay / time;
    const char *who = "none";

    if (server + server_delay >= 0.95)
        who = "server";
    else if (own + own_delay >= 0.95)
        who = "generator";
    printf(" server_busy=%.3f server_delay=%.3f generator_busy=%.3f generator_delay=%.3f "
           "bottleneck=%s",
           server, server_delay, own, own_delay, who);
}

static void print_latency(const struct hist *h)
{
    printf(" p50_us=%.1f p99_us=%.1f p999_us=%.1f max_us=%.1f",
           (double)hist_percentile(h, 0.5) / 1e3, (double)hist_percentile(h, 0.99) / 1e3,
           (double)hist_percentile(h, 0.999) / 1e3, (double)h->max / 1e3);
}

/* Ends the line; returns the exit status. */
static int print_verdict(const struct load *l)
{
    const struct traffic *t = &l->crowd.traffic;

    printf(" missing=%" PRIu64 " gaps=%" PRIu64 " repeats=%" PRIu64 " broken=%" PRIu64 "%s%s%s\n",
           l->missing, l->gaps, l->repeats, t->broken, t->broken > 0 ? " why=\"" : "", t->why,
           t->broken > 0 ? "\"" : "");
    return l->missing + l->gaps + l->repeats + t->broken > 0 ? 1 : 0;
}

/* ---- fanout and echo ---- */

/* Gives each sender its window, or sends what is due at the rate, until the time has come. */
static void send_until(struct load *l, uint64_t until)
{
    struct crowd *c = &l->crowd;
    double gap = l->set.rate > 0 ? 1e9 / l->set.rate : 0;
    double due = (double)traffic_clock(&c->traffic);
    uint32_t turn = 0;

    if (gap == 0) {
        crowd_run(c, until);
        return;
    }
    while (c->traffic.now < until) {
        for (; due <= (double)c->traffic.now; due += gap, turn++) {
            struct session *s = &c->sessions[turn % l->set.senders];

            s->credit++;
            session_send(&c->traffic, s, (uint64_t)due);
        }
        crowd_poll(c, (uint64_t)due < until ? (uint64_t)due : until);
    }
}

static void start_senders(struct load *l)
{
    l->is_sending = l->crowd.traffic.is_counting = true;
    for (uint32_t i = 0; l->set.rate == 0 && i < l->set.senders; i++) {
        l->crowd.sessions[i].credit = l->set.window;
        session_send(&l->crowd.traffic, &l->crowd.sessions[i], traffic_clock(&l->crowd.traffic));
    }
}

/* Messages that should have arrived by now, for what was sent. */
static uint64_t count_expected(const struct load *l)
{
    uint64_t total = 0;

    for (uint32_t i = 0; i < l->set.senders; i++) {
        uint32_t room = i % l->set.rooms;
        uint32_t members = (l->set.clients - room - 1) / l->set.rooms + 1;

        if (l->crowd.traffic.is_echo)
            members = 1;
        total += (uint64_t)l->crowd.sessions[i].seq * (members + l->set.to_all);
    }
    return total;
}

/* Lets what is under way arrive, as long as something does. */
static void drain(struct load *l)
{
    uint64_t expected;
    uint64_t quiet_since = traffic_clock(&l->crowd.traffic);

    l->is_sending = false;
    for (uint32_t i = 0; i < l->set.senders; i++)
        l->crowd.sessions[i].credit = 0;
    expected = count_expected(l);
    while (l->received < expected && l->crowd.traffic.now < quiet_since + 2 * SECOND) {
        uint64_t before = l->received;

        crowd_poll(&l->crowd, quiet_since + 2 * SECOND);
        if (l->received > before)
            quiet_since = l->crowd.traffic.now;
    }
    l->missing = expected - l->received;
}

static void send_for(struct load *l, double seconds)
{
    start_senders(l);
    send_until(l, traffic_clock(&l->crowd.traffic) + (uint64_t)(seconds * 1e9));
    drain(l);
}

/* Has the server hand over while they send, so often, and tells the slowest message of each. */
static void send_through_hand_overs(struct load *l)
{
    double slice = l->set.seconds * 1e9 / TURNS / l->set.hand_overs;

    start_senders(l);
    for (uint32_t i = 0; i < l->set.hand_overs; i++) {
        l->slowest = 0;
        kill(l->set.pid, SIGUSR2);
        send_until(l, traffic_clock(&l->crowd.traffic) + (uint64_t)slice);
        printf("hand_over=%" PRIu32 " slowest_ms=%.1f\n", ++l->handed, (double)l->slowest / 1e6);
        fflush(stdout);
    }
    drain(l);
}

/* Did all members of each room see one and the same order? */
static bool has_one_order(const struct load *l)
{
    for (uint32_t i = l->set.rooms; i < l->set.clients; i++)
        if (l->crowd.sessions[i].kind != MESSAGE_COUNTED &&
            l->crowd.sessions[i].order != l->crowd.sessions[i % l->set.rooms].order)
            return false;
    return true;
}

static int begin_fanout(struct load *l)
{
    struct crowd *c = &l->crowd;

    c->senders = l->set.senders;
    l->per_room = (l->set.senders - 1) / l->set.rooms + 1;
    l->expected = calloc((size_t)l->set.clients * l->per_room, sizeof(*l->expected));
    if (l->expected == NULL || crowd_connect(c, 0, c->count, IN_FLIGHT) < 0)
        return -1;
    /* The count of members, which comes late, is not to be taken for a message. */
    crowd_run(c, c->traffic.now + (l->set.is_v1 ? SECOND : SECOND / 5));
    send_for(l, l->set.warmup);
    memset(&l->latency, 0, sizeof(l->latency));
    return 0;
}

static int begin_echo(struct load *l)
{
    l->crowd.traffic.is_echo = true;
    l->set.to_all = false;
    l->set.senders = l->set.clients;
    return begin_fanout(l);
}

static int turn_fanout(struct load *l, int turn)
{
    struct sample a = sample_take(l);

    (void)turn;
    if (l->set.hand_overs > 0)
        send_through_hand_overs(l);
    else
        send_for(l, l->set.seconds / TURNS);
    add_turn(l, &a);
    return l->missing > 0 ? -1 : 0;
}

static void end_fanout(struct load *l)
{
    printf(" mb_per_s=%.1f per_read=%.1f wire_bytes=%.1f order=%s",
           (double)l->spent.bytes * 1e3 / (double)l->spent.time,
           (double)l->spent.things / (double)(l->spent.reads + 1),
           (double)l->spent.wire / (double)(l->spent.things + 1),
           l->crowd.traffic.is_echo || has_one_order(l) ? "same" : "differs");
}

/* ---- connect ---- */

/* A first few clients come and go, so that what the server sets up once is not counted. */
static int rehearse(struct load *l)
{
    uint32_t few = l->set.clients < 10 ? l->set.clients : 10;

    if (crowd_connect(&l->crowd, 0, few, few) < 0)
        return -1;
    crowd_reset(&l->crowd);
    crowd_run(&l->crowd, l->crowd.traffic.now + SECOND / 2);
    memset(&l->latency, 0, sizeof(l->latency));
    return 0;
}

static int begin_connect(struct load *l)
{
    if (rehearse(l) < 0)
        return -1;
    l->memory = proc_private_bytes(l->set.pid);
    return 0;
}

static int turn_connect(struct load *l, int turn)
{
    uint64_t count = l->set.clients;
    uint32_t first = (uint32_t)(count * (unsigned)turn / TURNS);
    uint32_t next = (uint32_t)(count * ((unsigned)turn + 1) / TURNS);
    struct sample a = sample_take(l);

    if (crowd_connect(&l->crowd, first, next - first, l->set.in_flight) < 0)
        return -1;
    l->joins += next - first;
    add_turn(l, &a);
    return 0;
}

static void end_connect(struct load *l)
{
    uint64_t after;

    crowd_run(&l->crowd, l->crowd.traffic.now + SECOND / 2);
    after = proc_private_bytes(l->set.pid);
    printf(" bytes_per_client=%.0f", ((double)after - (double)l->memory) / l->set.clients);
}

/* ---- churn ---- */

static void count_left(void *owner, struct session *s, uint64_t id)
{
    struct load *l = owner;

    if (s->index >= l->set.clients)
        return; /* one that comes and goes itself */
    l->left_count++;
    l->left_sum += id;
}

/* Those who are in go; then others come. Only sessions from set.clients on do so. */
static void churn_step(struct load *l, uint64_t until)
{
    struct crowd *c = &l->crowd;

    for (uint32_t i = l->set.clients; i < c->count; i++) {
        struct session *s = &c->sessions[i];

        if (s->state == SESSION_OPEN)
            session_reset(s);
        if (s->state == SESSION_NONE && l->is_sending) {
            s->id = SESSION_ID_BASE + l->next_id++;
            l->joins++;
            if (session_connect(&c->traffic, s) < 0)
                traffic_broken(&c->traffic, strerror(errno), s);
        }
    }
    crowd_poll(c, until);
}

static uint64_t sum_of_ids(uint64_t first, uint64_t count)
{
    return count * (SESSION_ID_BASE + first) + count * (count - 1) / 2;
}

/* Lets the last ones go, and waits for the notices of all that ever left. */
static void churn_drain(struct load *l)
{
    uint64_t expected = l->joins * l->set.clients;
    uint64_t until = traffic_clock(&l->crowd.traffic) + 3 * SECOND;

    l->is_sending = false;
    while (l->left_count < expected && l->crowd.traffic.now < until)
        churn_step(l, l->crowd.traffic.now + SECOND / 20);
    l->missing = expected > l->left_count ? expected - l->left_count : 0;
}

static int begin_churn(struct load *l)
{
    struct crowd *c = &l->crowd;

    if (rehearse(l) < 0 || crowd_connect(c, 0, l->set.clients, IN_FLIGHT) < 0)
        return -1;
    crowd_run(c, c->traffic.now + SECOND / 5);
    l->next_id = c->count;
    c->traffic.on_left = count_left;
    memset(&l->latency, 0, sizeof(l->latency));
    return 0;
}

static int turn_churn(struct load *l, int turn)
{
    struct crowd *c = &l->crowd;
    struct sample a = sample_take(l);
    uint64_t until = a.time + (uint64_t)(l->set.seconds * 1e9 / TURNS);

    (void)turn;
    l->is_sending = true;
    while (c->traffic.now < until && c->traffic.broken == 0)
        churn_step(l, until);
    churn_drain(l);
    add_turn(l, &a);
    return l->missing > 0 || c->traffic.broken > 0 ? -1 : 0;
}

/* What comes too often comes late. */
static void end_churn(struct load *l)
{
    uint64_t expected = l->joins * l->set.clients;

    crowd_run(&l->crowd, l->crowd.traffic.now + SECOND / 10);
    if (l->left_count > expected)
        l->repeats = l->left_count - expected;
    else if (l->missing == 0 &&
             l->left_sum != sum_of_ids(l->crowd.count, l->joins) * l->set.clients)
        traffic_broken(&l->crowd.traffic, "wrong ids left", l->crowd.sessions);
}

/* ---- modes ---- */

static const struct mode {
    const char *name;
    int (*begin)(struct load *l); /* what is not measured; -1: the server broke a promise */
    int (*turn)(struct load *l, int turn);
    void (*end)(struct load *l); /* looks once more, and prints what the mode alone knows */
} modes[] = {
    {"fanout", begin_fanout, turn_fanout, end_fanout},
    {"echo", begin_echo, turn_fanout, end_fanout},
    {"connect", begin_connect, turn_connect, end_connect},
    {"churn", begin_churn, turn_churn, end_churn},
};

/* ---- options ---- */

static const struct option OPTIONS[] = {
    {"port", required_argument, NULL, 'p'},
    {"pid", required_argument, NULL, 'P'},
    {"node", required_argument, NULL, 'n'},
    {"redis", required_argument, NULL, 'x'},
    {"clients", required_argument, NULL, 'c'},
    {"senders", required_argument, NULL, 's'},
    {"window", required_argument, NULL, 'w'},
    {"rate", required_argument, NULL, 'r'},
    {"size", required_argument, NULL, 'b'},
    {"rooms", required_argument, NULL, 'R'},
    {"seconds", required_argument, NULL, 't'},
    {"warmup", required_argument, NULL, 'u'},
    {"in-flight", required_argument, NULL, 'f'},
    {"hand-overs", required_argument, NULL, 'H'},
    {"all", no_argument, NULL, 'a'},
    {"binary", no_argument, NULL, 'B'},
    {"languages", no_argument, NULL, 'l'},
    {"v1", no_argument, NULL, '1'},
    {"deflate", no_argument, NULL, '1'},
    {"events", no_argument, NULL, 'e'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static void usage(FILE *to)
{
    fprintf(to, "usage: load fanout|echo|connect|churn --port PORT --pid PID [OPTION VALUE]...\n"
                "  --port, --pid   of a server; for a second one to compare it with, both again\n"
                "  --node PID      another process of the server that was named last\n"
                "  --redis PID     what the processes of that one share their rooms by\n"
                "  --clients N     who sit in the room (or echo)         100\n"
                "  --senders N     of them, how many send                1\n"
                "  --window N      messages that a sender has under way  1\n"
                "  --rate N        messages a second of all senders, in place of the window\n"
                "  --size BYTES    of a payload, 16 at least             64\n"
                "  --rooms N       over which clients are spread         1\n"
                "  --seconds N     of measuring                          1\n"
                "  --warmup N      seconds of it before                  0.3\n"
                "  --in-flight N   handshakes (connect, churn) at a time 64\n"
                "  --hand-overs N  in each tenth of the time the keeper --pid hands over so often\n"
                "  --all           the sender gets its own `says` too\n"
                "  --binary        binary frames (echo)\n"
                "  --languages     texts are German, Chinese and emoji\n"
                "  --v1            wschat.v1, compressed where the server agrees (fanout)\n"
                "  --events        behind --pid, with --v1: at that server those who do not send\n"
                "                  listen to event streams\n"
                "  --deflate       words, compressed both ways where the server agrees (echo)\n");
}

/* Of the server that was named last. */
static void add_process(struct settings *set, int option, pid_t pid)
{
    int last = set->servers - 1, i = 0;

    if (last < 0)
        return;
    while (i < NODES_MAX && set->nodes[last][i] != 0)
        i++;
    if (option == 'x')
        set->redis[last] = pid;
    else if (i < NODES_MAX)
        set->nodes[last][i] = pid;
}

static void set_option(struct settings *set, int option, const char *value)
{
    double number = value != NULL ? strtod(value, NULL) : 0;

    switch (option) {
    case 'p':
        if (set->servers < SERVERS_MAX)
            set->ports[set->servers] = (uint16_t)number;
        break;
    case 'P':
        if (set->servers < SERVERS_MAX)
            set->pids[set->servers++] = (pid_t)number;
        break;
    case 'n':
    case 'x':
        add_process(set, option, (pid_t)number);
        break;
    case 'c':
        set->clients = (uint32_t)number;
        break;
    case 's':
        set->senders = (uint32_t)number;
        break;
    case 'w':
        set->window = (uint32_t)number;
        break;
    case 'r':
        set->rate = number;
        break;
    case 'b':
        set->size = (size_t)number;
        break;
    case 'R':
        set->rooms = (uint32_t)number;
        break;
    case 't':
        set->seconds = number;
        break;
    case 'u':
        set->warmup = number;
        break;
    case 'f':
        set->in_flight = (uint32_t)number;
        break;
    case 'H':
        set->hand_overs = (uint32_t)number;
        break;
    case 'a':
        set->to_all = true;
        break;
    case 'e':
        if (set->servers > 0)
            set->has_events[set->servers - 1] = true;
        break;
    case 'l':
        set->has_languages = true;
        break;
    case '1':
        set->is_v1 = true;
        break;
    default:
        set->is_binary = true;
    }
}

static bool settings_are_sound(const struct settings *set)
{
    for (int i = 0; i < set->servers; i++)
        if (set->ports[i] == 0 || set->pids[i] <= 0)
            return false;
    return set->servers > 0 && set->clients > 0 && set->clients < 200000 && set->senders > 0 &&
           set->senders <= set->clients && set->size >= STAMP_SIZE && set->size <= 1u << 30 &&
           set->rooms > 0 && set->rooms <= set->clients && set->seconds > 0 &&
           set->seconds <= 600 && set->in_flight > 0;
}

static void raise_files(void)
{
    struct rlimit limit;

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static const struct mode *find_mode(const char *name)
{
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
        if (strcmp(modes[i].name, name) == 0)
            return &modes[i];
    return NULL;
}

static int load_init(struct load *l, const struct settings *set, int server,
                     const struct mode *mode)
{
    bool is_churn = mode->turn == turn_churn;
    struct traffic *t = &l->crowd.traffic;

    l->set = *set;
    l->mode = mode->name;
    l->set.server = server;
    l->set.pid = set->pids[server];
    t->has_languages = set->has_languages;
    if (crowd_init(&l->crowd, set->clients + (is_churn ? set->in_flight : 0), set->size,
                   set->ports[server]) < 0)
        return -1;
    t->rooms = set->rooms;
    t->is_binary = set->is_binary;
    t->is_v1 = set->is_v1;
    t->is_events = set->has_events[server];
    t->senders = set->senders;
    if (set->is_v1 && v1_prepare(t) < 0)
        return -1;
    t->owner = l;
    t->on_open = on_open;
    t->on_message = on_message;
    t->on_left = ignore_left;
    return 0;
}

/* Drives the servers by turns, until one breaks a promise. */
static int take_turns(struct load *loads, int count, const struct mode *mode)
{
    for (int i = 0; i < count; i++)
        if (mode->begin(&loads[i]) < 0)
            return -1;
    for (int turn = 0; turn < TURNS; turn++)
        for (int i = 0; i < count; i++)
            if (mode->turn(&loads[(turn + i) % count], turn) < 0)
                return -1;
    return 0;
}

static int print_result(struct load *l, const struct mode *mode, bool is_whole)
{
    print_settings(l);
    if (is_whole) {
        print_cost(&l->spent);
        print_bottleneck(&l->spent);
        print_latency(&l->latency);
        mode->end(l);
    }
    return print_verdict(l);
}

int main(int argc, char **argv)
{
    static struct load loads[SERVERS_MAX];
    struct settings set = {.clients = 100,
                           .senders = 1,
                           .window = 1,
                           .size = 64,
                           .rooms = 1,
                           .seconds = 1,
                           .warmup = 0.3,
                           .in_flight = 64};
    const struct mode *mode;
    int option, result, status = 0;

    while ((option = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1) {
        if (option == 'h' || option == '?') {
            usage(option == 'h' ? stdout : stderr);
            return option == 'h' ? 0 : 2;
        }
        set_option(&set, option, optarg);
    }
    mode = optind + 1 == argc ? find_mode(argv[optind]) : NULL;
    if (mode == NULL || !settings_are_sound(&set)) {
        usage(stderr);
        return 2;
    }
    raise_files();
    for (int i = 0; i < set.servers; i++) {
        if (load_init(&loads[i], &set, i, mode) < 0) {
            perror("load");
            return 1;
        }
    }
    result = take_turns(loads, set.servers, mode);
    for (int i = 0; i < set.servers; i++)
        status |= print_result(&loads[i], mode, result == 0);
    for (int i = 0; i < set.servers; i++)
        crowd_reset(&loads[i].crowd);
    return status;
}
