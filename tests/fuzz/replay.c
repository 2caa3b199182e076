/* Runs a fuzz target over saved inputs without a fuzzer, so that every compiler can do it.
 * Usage: replay-NAME FILE-OR-FOLDER... */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fail(const char *path)
{
    fprintf(stderr, "%s: %s\n", path, strerror(errno));
    exit(EXIT_FAILURE);
}

/* The input gets a block of exactly its size: one byte too far is seen by the sanitizer. */
static void replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct stat st;
    uint8_t *data;
    size_t size;

    if (file == NULL || fstat(fileno(file), &st) != 0)
        fail(path);
    size = (size_t)st.st_size;
    data = malloc(size == 0 ? 1 : size);
    if (data == NULL || fread(data, 1, size, file) != size)
        fail(path);
    fclose(file);
    if (LLVMFuzzerTestOneInput(data, size) != 0) {
        fprintf(stderr, "%s: refused\n", path);
        exit(EXIT_FAILURE);
    }
    free(data);
}

static long replay_folder(const char *folder)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    char path[PATH_MAX];
    long count = 0;

    if (dir == NULL)
        fail(folder);
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        replay_file(path);
        count++;
    }
    closedir(dir);
    return count;
}

static long replay(const char *path)
{
    struct stat st;

    if (stat(path, &st) != 0)
        fail(path);
    if (S_ISDIR(st.st_mode))
        return replay_folder(path);
    replay_file(path);
    return 1;
}

int main(int argc, char **argv)
{
    long count = 0;

    for (int i = 1; i < argc; i++)
        count += replay(argv[i]);
    if (count == 0) {
        fprintf(stderr, "%s: no inputs\n", argv[0]);
        return EXIT_FAILURE;
    }
    printf("%ld inputs replayed\n", count);
    return EXIT_SUCCESS;
}
