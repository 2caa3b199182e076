/* The sandbox: what is refused in it, what goes on, and that the server is inside. */
#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "server/sandbox.h"
#include "server/user.h"
#include "base/log.h"

Suite *suite_sandbox(void);

/* ---- The modules, in a process of their own ---- */

/* As _exit, in whose way a sanitizer puts calls of its own. */
static void end(int status)
{
    syscall(SYS_exit_group, status);
}

/* Ends the child with 1 and says where; ck_assert would write into the runner's pipe, which the
 * filter forbids. */
#define NEED(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            dprintf(STDERR_FILENO, "%s:%d: %s: %s\n", __FILE__, __LINE__, #condition,              \
                    strerror(errno));                                                              \
            end(1);                                                                                \
        }                                                                                          \
    } while (0)

/* Runs a body in a child and returns its wait status. */
static int run_child(void (*body)(int), int argument)
{
    int status;
    pid_t child;

    fflush(NULL);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        log_setup(LOG_ERROR, false);
        body(argument);
        end(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return status;
}

static void expect_good(void (*body)(int), int argument)
{
    ck_assert_int_eq(run_child(body, argument), 0);
}

static void enter(const char *reading, const char *removing)
{
    struct sandbox sandbox;

    sandbox_init(&sandbox, true);
    if (reading != NULL)
        sandbox_allow_reading(&sandbox, reading);
    if (removing != NULL)
        sandbox_allow_removing(&sandbox, removing);
    sandbox_enter(&sandbox);
}

static char buffer[4096];

/* Good for root outside of any sandbox, or refused there with another error than EPERM. */
static const struct {
    const char *name;
    long call;
    long arguments[6];
} forbidden[] = {
    {"open a file", SYS_openat, {AT_FDCWD, (long)"/etc/passwd", O_RDONLY}},
    {"run a program", SYS_execve, {(long)"/bin/true"}},
    {"start a process", SYS_clone, {SIGCHLD}},
    {"open a socket", SYS_socket, {AF_INET, SOCK_STREAM}},
    {"connect one", SYS_connect, {-1, (long)buffer, 16}},
    {"bind one", SYS_bind, {-1, (long)buffer, 16}},
    {"trace a process", SYS_ptrace, {PTRACE_TRACEME}},
    {"signal a process", SYS_kill, {0, 0}},
    {"signal with something else than SIGABRT", SYS_tkill, {0, SIGTERM}},
    {"map a program", SYS_mmap, {0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1}},
    {"make memory a program", SYS_mprotect, {0, 4096, PROT_READ | PROT_EXEC}},
    {"change the user", SYS_setuid, {0}},
    {"change the process", SYS_prctl, {PR_SET_DUMPABLE, 1}},
    {"change a limit", SYS_prlimit64, {0, RLIMIT_NOFILE, (long)buffer, 0}},
    {"ask for another process's limit", SYS_prlimit64, {1, RLIMIT_NOFILE, 0, (long)buffer}},
    {"write anywhere but to stderr", SYS_write, {STDOUT_FILENO, (long)buffer, 0}},
    {"set another option", SYS_setsockopt, {-1, SOL_SOCKET, SO_REUSEPORT, (long)buffer, 4}},
    {"set another level", SYS_setsockopt, {-1, IPPROTO_TCP, SO_RCVBUF, (long)buffer, 4}},
    {"set another option of TCP", SYS_setsockopt, {-1, IPPROTO_TCP, TCP_CORK, (long)buffer, 4}},
    {"set one of sockets", SYS_setsockopt, {-1, SOL_SOCKET, TCP_DEFER_ACCEPT, (long)buffer, 4}},
    {"end what a socket receives", SYS_shutdown, {-1, SHUT_RD}},
    {"end both directions", SYS_shutdown, {-1, SHUT_RDWR}},
    {"copy a descriptor", SYS_dup, {STDERR_FILENO}},
    {"control a device", SYS_ioctl, {STDERR_FILENO, 0x5401, (long)buffer}},
    {"look at a file", SYS_newfstatat, {AT_FDCWD, (long)"/", (long)buffer, 0}},
    {"change a mode", SYS_fchmodat, {AT_FDCWD, (long)"/nothing", 0}},
    {"remove a file", SYS_unlinkat, {AT_FDCWD, (long)"/nothing", 0}},
    {"rename a file", SYS_renameat2, {AT_FDCWD, (long)"/a", AT_FDCWD, (long)"/b", 0}},
    {"make a folder", SYS_mkdirat, {AT_FDCWD, (long)"/", 0}},
    {"mount", SYS_mount, {(long)"", (long)"/nothing", (long)"", 0, 0}},
    {"leave a namespace", SYS_unshare, {0}},
    {"use io_uring", 425 /* io_uring_setup */, {0, 0}},
    {"use bpf", SYS_bpf, {-1, 0, 0}},
    {"change the filter", SYS_seccomp, {0, 0, 0}},
#ifdef __x86_64__
    {"call by x32", 0x40000000 | SYS_getpid, {0}},
#endif
};

static void call_forbidden(int which)
{
    const long *a = forbidden[which].arguments;

    enter(NULL, NULL);
    errno = 0;
    if (syscall(forbidden[which].call, a[0], a[1], a[2], a[3], a[4], a[5]) == -1 && errno == EPERM)
        end(0);
    dprintf(STDERR_FILENO, "it could %s: %s\n", forbidden[which].name, strerror(errno));
    end(1);
}

START_TEST(a_forbidden_call_is_refused)
{
    expect_good(call_forbidden, _i);
}
END_TEST

/* By number, because each libc makes another choice among them. Most have no good arguments, which
 * the kernel finds out behind the filter. */
static const struct {
    const char *name;
    long call;
    long arguments[6];
} allowed[] = {
#ifdef SYS_epoll_wait
    {"epoll_wait", SYS_epoll_wait, {-1, (long)buffer, 1, 0}},
    {"poll", SYS_poll, {0, 0, 0}},
#endif
    {"epoll_pwait", SYS_epoll_pwait, {-1, (long)buffer, 1, 0, 0}},
    {"epoll_ctl", SYS_epoll_ctl, {-1, 0, 0, (long)buffer}},
    {"ppoll", SYS_ppoll, {0, 0, (long)buffer, 0, 0}},
    {"accept4", SYS_accept4, {-1, 0, 0, 0}},
    {"recvfrom", SYS_recvfrom, {-1, (long)buffer, 1, 0, 0, 0}},
    {"sendto", SYS_sendto, {-1, (long)buffer, 1, 0, 0, 0}},
    {"sendmsg", SYS_sendmsg, {-1, (long)buffer, 0}},
    {"shutdown", SYS_shutdown, {-1, 1}},
    {"setsockopt", SYS_setsockopt, {-1, SOL_SOCKET, SO_RCVBUF, (long)buffer, 4}},
    {"setsockopt of TCP", SYS_setsockopt, {-1, IPPROTO_TCP, TCP_DEFER_ACCEPT, (long)buffer, 4}},
    {"ioctl of unsent bytes", SYS_ioctl, {-1, TIOCOUTQ, (long)buffer}},
    {"getpeername", SYS_getpeername, {-1, (long)buffer, (long)buffer}},
    {"getsockname", SYS_getsockname, {-1, (long)buffer, (long)buffer}},
    {"close", SYS_close, {-1}},
    {"read", SYS_read, {-1, (long)buffer, 1}},
    {"pread64", SYS_pread64, {-1, (long)buffer, 1, 0}},
    {"getdents64", SYS_getdents64, {-1, (long)buffer, 1}},
    {"lseek", SYS_lseek, {-1, 0, 0}},
    {"write", SYS_write, {STDERR_FILENO, (long)buffer, 0}},
    {"writev", SYS_writev, {STDERR_FILENO, (long)buffer, 0}},
    {"getrusage", SYS_getrusage, {RUSAGE_SELF, (long)buffer}},
    {"prlimit64", SYS_prlimit64, {0, RLIMIT_NOFILE, 0, (long)buffer}},
    {"clock_gettime", SYS_clock_gettime, {0, (long)buffer}},
    {"getrandom", SYS_getrandom, {(long)buffer, 1, 0}},
    {"brk", SYS_brk, {0}},
    {"mmap", SYS_mmap, {0, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}},
    {"mprotect", SYS_mprotect, {0, 0, PROT_READ | PROT_WRITE}},
    {"mremap", SYS_mremap, {0, 0, 0, 0}},
    {"munmap", SYS_munmap, {0, 0}},
    {"madvise", SYS_madvise, {0, 0, 0}},
    {"futex", SYS_futex, {(long)buffer, 1, 1, 0}},
    {"restart_syscall", SYS_restart_syscall, {0}},
    {"rt_sigprocmask", SYS_rt_sigprocmask, {0, 0, (long)buffer, 8}},
    {"getpid", SYS_getpid, {0}},
    {"gettid", SYS_gettid, {0}},
};

static void call_allowed(int which)
{
    const long *a = allowed[which].arguments;

    enter(NULL, NULL);
    errno = 0;
    syscall(allowed[which].call, a[0], a[1], a[2], a[3], a[4], a[5]);
    if (errno != EPERM)
        end(0);
    dprintf(STDERR_FILENO, "%s is refused\n", allowed[which].name);
    end(1);
}

START_TEST(a_call_that_a_libc_may_make_is_not_refused)
{
    expect_good(call_allowed, _i);
}
END_TEST

static void use_memory(void)
{
    size_t size = 8 << 20;
    char *block = malloc(size);

    NEED(block != NULL);
    for (int i = 0; i < 4; i++) {
        char *longer = realloc(block, size *= 2);

        NEED(longer != NULL);
        block = longer;
        block[size - 1] = 1;
    }
    free(block);
    NEED(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
}

static void use_sockets(const int pair[2], int epoll)
{
    struct epoll_event event = {.events = EPOLLIN};
    struct iovec span = {buffer, 2};
    struct msghdr message = {.msg_iov = &span, .msg_iovlen = 1};
    int size = 65536;

    NEED(epoll_ctl(epoll, EPOLL_CTL_ADD, pair[0], &event) == 0);
    NEED(send(pair[1], "x", 1, MSG_NOSIGNAL) == 1);
    NEED(sendmsg(pair[1], &message, MSG_NOSIGNAL) == 2);
    NEED(epoll_wait(epoll, &event, 1, -1) == 1);
    NEED(recv(pair[0], buffer, sizeof(buffer), 0) == 3);
    NEED(setsockopt(pair[0], SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) == 0);
    NEED(shutdown(pair[0], SHUT_WR) == 0);
    NEED(close(pair[0]) == 0);
}

static void go_on(int unused)
{
    struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};
    struct rlimit limit;
    struct timespec now;
    int pair[2];
    int epoll = epoll_create1(EPOLL_CLOEXEC);

    (void)unused;
    NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    enter(NULL, NULL);
    use_memory();
    use_sockets(pair, epoll);
    NEED(poll(&out, 1, 0) >= 0);
    NEED(write(STDERR_FILENO, "", 0) == 0);
    NEED(getrandom(buffer, 16, 0) == 16);
    NEED(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now) == 0);
    NEED(getrlimit(RLIMIT_NOFILE, &limit) == 0);
}

START_TEST(what_a_tick_needs_goes_on)
{
    expect_good(go_on, 0);
}
END_TEST

static void die(int unused)
{
    struct rlimit none = {0, 0};

    (void)unused;
    signal(SIGABRT, SIG_DFL);
    setrlimit(RLIMIT_CORE, &none);
    enter(NULL, NULL);
    abort();
}

START_TEST(an_abort_is_seen_as_one)
{
    int status;

    /* Its runtime does not let go of abort() without calls of its own. */
    if (is_sanitized())
        return;
    status = run_child(die, 0);
    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(WTERMSIG(status), SIGABRT);
}
END_TEST

#ifdef __x86_64__
/* getpid() of 32 bits; a kernel without such calls ends the process, too. */
static void call_as_32_bits(int unused)
{
    long number = 20;

    (void)unused;
    signal(SIGSEGV, SIG_DFL);
    enter(NULL, NULL);
    __asm__ volatile("int $0x80" : "+a"(number) : : "memory", "r8", "r9", "r10", "r11");
}

START_TEST(a_call_of_another_architecture_kills)
{
    int status = run_child(call_as_32_bits, 0);

    ck_assert(WIFSIGNALED(status));
    ck_assert(WTERMSIG(status) == SIGSYS || WTERMSIG(status) == SIGSEGV);
}
END_TEST
#endif

static void write_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, "data", 4), 4);
    close(fd);
}

static const char *own_folder(void)
{
    static char folder[128];
    const char *path = test_path("x");

    snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(path, '/') - path), path);
    return folder;
}

/* The version of Landlock here; 0: this kernel has none, so files are what the filter says. */
static int landlock_version(void)
{
    struct landlock l;

    landlock_init(&l);
    landlock_deinit(&l);
    return l.abi;
}

static void read_files(int abi)
{
    struct stat st;
    int fd;

    enter(own_folder(), NULL);
    fd = open(test_path("page"), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    NEED(fd >= 0 && fstat(fd, &st) == 0 && read(fd, buffer, 8) == 4 && close(fd) == 0);
    NEED(open(test_path("page"), O_RDWR) < 0 && errno == EPERM);
    NEED(open(test_path("new"), O_RDONLY | O_CREAT, 0600) < 0 && errno == EPERM);
    NEED(stat("/etc/passwd", &st) < 0 && errno == EPERM);
    NEED(unlink(test_path("page")) < 0 && errno == EPERM);
    if (abi > 0)
        NEED(open("/etc/passwd", O_RDONLY | O_CLOEXEC) < 0 && errno == EACCES);
}

START_TEST(files_of_the_folder_can_be_read_and_no_others)
{
    write_file(test_path("page"));
    expect_good(read_files, landlock_version());
}
END_TEST

static void remove_files(int abi)
{
    enter(NULL, test_path("inner/chat.sock"));
    NEED(unlink(test_path("inner/chat.sock")) == 0);
    NEED(rmdir(test_path("inner")) < 0 && errno == EPERM);
    NEED(open(test_path("page"), O_RDONLY | O_CLOEXEC) < 0 && errno == EPERM);
    if (abi > 0)
        NEED(unlink(test_path("page")) < 0 && errno == EACCES);
}

START_TEST(a_socket_file_can_be_removed)
{
    ck_assert_int_eq(mkdir(test_path("inner"), 0700), 0);
    write_file(test_path("inner/chat.sock"));
    write_file(test_path("page"));
    expect_good(remove_files, landlock_version());
    ck_assert_int_eq(rmdir(test_path("inner")), 0);
}
END_TEST

static void enter_landlock(void)
{
    struct landlock l;

    landlock_init(&l);
    NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    NEED(landlock_enter(&l) > 0 && l.fd == -1);
}

static int listen_somewhere(struct sockaddr_in *address)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t len = sizeof(*address);

    *address = (struct sockaddr_in){.sin_family = AF_INET};
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    NEED(bind(fd, (const struct sockaddr *)address, len) == 0 && listen(fd, 1) == 0);
    NEED(getsockname(fd, (struct sockaddr *)address, &len) == 0);
    return fd;
}

/* What is sent with MSG_FASTOPEN connects by itself, without a call that says so. */
static void turn_a_listener_round(int how)
{
    struct sockaddr_in own, other;
    int listener = listen_somewhere(&own);

    listen_somewhere(&other);
    enter(NULL, NULL);
    shutdown(listener, how);
    NEED(sendto(listener, "x", 1, MSG_FASTOPEN | MSG_NOSIGNAL, (const struct sockaddr *)&other,
                sizeof(other)) < 0);
}

START_TEST(a_listener_cannot_be_made_to_connect)
{
    expect_good(turn_a_listener_round, _i);
}
END_TEST

/* Without the filter, which refuses most of this before Landlock is asked. */
static void reach_out(int abi)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct sockaddr_un abstract = {.sun_family = AF_UNIX};
    int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int local = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    pid_t parent = getppid();
    int other = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t len = sizeof(abstract);

    /* A name that the kernel picks. */
    NEED(bind(other, (const struct sockaddr *)&abstract, sizeof(sa_family_t)) == 0);
    NEED(listen(other, 1) == 0);
    NEED(getsockname(other, (struct sockaddr *)&abstract, &len) == 0);
    enter_landlock();
    NEED(open("/etc/passwd", O_RDONLY | O_CLOEXEC) < 0 && errno == EACCES);
    NEED(open(test_path("new"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600) < 0 && errno == EACCES);
    NEED(execl("/bin/true", "true", (char *)NULL) < 0 && errno == EACCES);
    NEED(mkdir(test_path("folder"), 0700) < 0 && errno == EACCES);
    if (abi >= 4) {
        NEED(bind(tcp, (const struct sockaddr *)&address, sizeof(address)) < 0 && errno == EACCES);
        address.sin_port = htons(9);
        NEED(connect(tcp, (const struct sockaddr *)&address, sizeof(address)) < 0 &&
             errno == EACCES);
    }
    if (abi >= 6) {
        NEED(connect(local, (const struct sockaddr *)&abstract, len) < 0 && errno == EPERM);
        NEED(kill(parent, 0) < 0 && errno == EPERM);
    }
}

START_TEST(landlock_alone_keeps_files_and_the_network_out_of_reach)
{
    int abi = landlock_version();

    if (abi > 0)
        expect_good(reach_out, abi);
}
END_TEST

/* Inside one sandbox, the calls that make another are refused, as on a kernel that has none. */
static void enter_where_there_is_none(int to)
{
    enter(NULL, NULL);
    log_setup(LOG_INFO, false);
    enter("/", "/run/chat.sock");
    log_flush();
    NEED(write(to, "", 0) < 0 && errno == EPERM);
    NEED(poll(NULL, 0, 0) == 0);
}

START_TEST(a_kernel_without_any_of_it_is_no_reason_to_end)
{
    char line[512] = "";
    int out[2], saved = dup(STDERR_FILENO);

    ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
    dup2(out[1], STDERR_FILENO);
    expect_good(enter_where_there_is_none, out[1]);
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(out[1]);
    ck_assert_int_gt(read(out[0], line, sizeof(line) - 1), 0);
    close(out[0]);
    ck_assert_msg(strstr(line, "msg=sandbox no_new_privs=off landlock=off seccomp=off uid=") !=
                      NULL,
                  "%s", line);
}
END_TEST

static void find_as_nobody(int unused)
{
    struct user user;
    const char *problem;

    (void)unused;
    NEED(geteuid() != 0 || setuid(65534) == 0);
    problem = user_find(&user, "12345:12345");
    NEED(problem != NULL && strcmp(problem, "only root can become another user") == 0);
}

START_TEST(only_root_can_become_another_user)
{
    expect_good(find_as_nobody, 0);
}
END_TEST

/* ---- The server ---- */

/* The value of a line of /proc/PID/status, with single blanks in place of tabs. */
static const char *status_line(const struct server *s, const char *name)
{
    static char line[256];
    size_t len = strlen(name);
    FILE *file;

    snprintf(line, sizeof(line), "/proc/%d/status", (int)s->pid);
    file = fopen(line, "re");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, name, len) != 0 || line[len] != ':')
            continue;
        fclose(file);
        for (char *c = line; *c != '\0'; c++)
            *c = *c == '\t' ? ' ' : *c;
        line[strcspn(line, "\n")] = '\0';
        len += strspn(line + len, ": ");
        return line + len;
    }
    ck_abort_msg("no line %s", name);
}

/* Its port is open before it goes in. */
static struct server *start_inside(const char *const *args)
{
    struct server *s = server_start(args);

    server_wait_for(s, "msg=sandbox ");
    server_wait_for(s, " uid=");
    return s;
}

START_TEST(the_server_is_inside_by_default)
{
    struct server *s;
    char line[80];

    if (is_sanitized())
        return;
    s = start_inside(NULL);
    snprintf(line, sizeof(line), "msg=sandbox no_new_privs=on landlock=%d seccomp=on uid=%u\n",
             landlock_version(), (unsigned)geteuid());
    if (landlock_version() > 0)
        server_wait_for(s, line);
    ck_assert_str_eq(status_line(s, "NoNewPrivs"), "1");
    ck_assert_str_eq(status_line(s, "Seccomp"), "2");
    ws_leave(ws_open_chat(s, 1));
    server_stop(s);
}
END_TEST

START_TEST(it_can_be_switched_off)
{
    struct server *s = start_inside(LIST("--sandbox", "off"));

    server_wait_for(s, "no_new_privs=off landlock=off seccomp=off");
    ck_assert_str_eq(status_line(s, "NoNewPrivs"), "0");
    ck_assert_str_eq(status_line(s, "Seccomp"), "0");
}
END_TEST

static uint64_t metric(const char *body, const char *name)
{
    char start[64];
    const char *line;

    snprintf(start, sizeof(start), "\n%s ", name);
    line = strstr(body, start);
    ck_assert_msg(line != NULL, "no %s", name);
    return strtoull(line + strlen(start), NULL, 10);
}

START_TEST(metrics_of_the_process_are_known_inside)
{
    struct server *s = start_inside(LIST("--admin", "127.0.0.1:0"));
    struct server admin = *s;
    const char *url = strstr((char *)s->err.data, "metrics on http://127.0.0.1:");

    ck_assert_ptr_nonnull(url);
    admin.port = (uint16_t)strtoul(url + strlen("metrics on http://127.0.0.1:"), NULL, 10);
    for (int i = 0; i < 2; i++) {
        struct response *r = http_get(&admin, "/metrics", "");

        /* One for the request that asked, which may be gone by now. */
        ck_assert_uint_ge(metric(r->body, "process_open_fds"), server_count_fds(s) - 1);
        ck_assert_uint_le(metric(r->body, "process_open_fds"), server_count_fds(s) + 1);
        ck_assert_uint_gt(metric(r->body, "process_resident_memory_bytes"), 100 * 1024);
        ck_assert_uint_gt(metric(r->body, "process_virtual_memory_bytes"), 100 * 1024);
        ck_assert_uint_ge(metric(r->body, "process_max_fds"), 10);
        response_free(r);
    }
}
END_TEST

/* As a user who may not remove what root owns from a folder with the sticky bit. */
START_TEST(the_socket_file_belongs_to_the_user_and_is_removed)
{
    const char *path = test_path("user.sock");
    char address[160];
    struct server *s;
    struct client *c;
    struct stat st;

    if (geteuid() != 0)
        return;
    ck_assert_int_eq(chmod(own_folder(), 01777), 0);
    snprintf(address, sizeof(address), "unix:%s", path);
    s = start_inside(LIST("--listen", address, "--user", "12345:23456"));
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_uid, 12345);
    ck_assert_uint_eq(st.st_gid, 23456);
    c = client_connect_unix(path);
    ws_request(c, "/ws/1", "");
    ws_expect_upgrade(c);
    ws_leave(c);
    server_stop(s);
    ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

START_TEST(the_server_becomes_another_user)
{
    const char *user = _i == 0 ? "12345:23456" : _i == 1 ? "nobody" : "65534";
    struct server *s;

    if (geteuid() != 0)
        return;
    s = start_inside(LIST("--user", user));
    if (_i == 0) {
        ck_assert_str_eq(status_line(s, "Uid"), "12345 12345 12345 12345");
        ck_assert_str_eq(status_line(s, "Gid"), "23456 23456 23456 23456");
        ck_assert_str_eq(status_line(s, "Groups"), "23456 ");
        server_wait_for(s, " uid=12345\n");
    } else {
        ck_assert_str_eq(status_line(s, "Uid"), "65534 65534 65534 65534");
        ck_assert_str_eq(status_line(s, "Gid"), "65534 65534 65534 65534");
        ck_assert_str_eq(status_line(s, "Groups"), "65534 ");
    }
    ck_assert_str_eq(status_line(s, "CapPrm"), "0000000000000000");
    ck_assert_str_eq(status_line(s, "CapEff"), "0000000000000000");
    ck_assert_ptr_null(strstr((char *)s->err.data, "it runs as root"));
    ws_leave(ws_open_chat(s, 1));
    server_stop(s);
}
END_TEST

START_TEST(root_is_warned)
{
    struct server *s = start_inside(NULL);

    ck_assert_int_eq(strstr((char *)s->err.data, "it runs as root") != NULL, geteuid() == 0);
}
END_TEST

static const char *const bad_users[][2] = {
    {"no-such-user-here", "there is no such user"},
    {"", "there is no such user"},
    {"root", "that is root"},
    {"0", "that is root"},
    {"0:5", "that is root"},
    {"4294967294:4294967295", "the group must be a number"},
    {"4294967295:1", "the user must be a number where a group is given"},
    {"12345:", "the group must be a number"},
    {"12345:nogroup", "the group must be a number"},
    {"nobody:5", "the user must be a number where a group is given"},
    {"3999999999", "say UID:GID"},
};

START_TEST(a_bad_user_is_refused_in_one_line)
{
    char user[64];
    struct buf out, err;

    snprintf(user, sizeof(user), "--user=%s", bad_users[_i][0]);
    ck_assert_int_eq(program_run(&(struct launch){.args = LIST("--port=0", user)}, &out, &err), 1);
    ck_assert_uint_eq(out.len, 0);
    ck_assert_msg(strstr((char *)err.data, bad_users[_i][1]) != NULL, "%s", (char *)err.data);
    ck_assert_ptr_eq(strchr((char *)err.data, '\n'), (char *)err.data + err.len - 1);
    buf_deinit(&out);
    buf_deinit(&err);
}
END_TEST

Suite *suite_sandbox(void)
{
    Suite *suite = suite_create("sandbox");
    TCase *modules = harness_case(suite, "modules");
    TCase *server = harness_case(suite, "server");

    tcase_add_loop_test(modules, a_forbidden_call_is_refused, 0, ARRAY_LEN(forbidden));
    tcase_add_loop_test(modules, a_call_that_a_libc_may_make_is_not_refused, 0, ARRAY_LEN(allowed));
    tcase_add_test(modules, what_a_tick_needs_goes_on);
    tcase_add_test(modules, an_abort_is_seen_as_one);
#ifdef __x86_64__
    tcase_add_test(modules, a_call_of_another_architecture_kills);
#endif
    tcase_add_test(modules, files_of_the_folder_can_be_read_and_no_others);
    tcase_add_test(modules, a_socket_file_can_be_removed);
    tcase_add_test(modules, landlock_alone_keeps_files_and_the_network_out_of_reach);
    tcase_add_loop_test(modules, a_listener_cannot_be_made_to_connect, SHUT_RD, SHUT_RDWR + 1);
    tcase_add_test(modules, a_kernel_without_any_of_it_is_no_reason_to_end);
    tcase_add_test(modules, only_root_can_become_another_user);
    tcase_add_test(server, the_server_is_inside_by_default);
    tcase_add_test(server, it_can_be_switched_off);
    tcase_add_test(server, metrics_of_the_process_are_known_inside);
    tcase_add_test(server, the_socket_file_belongs_to_the_user_and_is_removed);
    tcase_add_loop_test(server, the_server_becomes_another_user, 0, 3);
    tcase_add_test(server, root_is_warned);
    tcase_add_loop_test(server, a_bad_user_is_refused_in_one_line, 0, ARRAY_LEN(bad_users));
    return suite;
}
