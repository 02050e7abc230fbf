#include "request.h"

#include <stdio.h>
#include <string.h>

static bool refuse(const char *what, const char *word)
{
    fprintf(stderr, "vestige-recorder: %s `%s`\n", what, word);
    return false;
}

static bool parse_capture(const char *value, struct request *request)
{
    bool all = strcmp(value, "all") == 0;
    bool both = all || strcmp(value, "auto") == 0;

    request->capture_stdout = both || strcmp(value, "stdout") == 0;
    request->capture_stderr = both || strcmp(value, "stderr") == 0;
    request->capture_terminal = all || !both;
    if (request->capture_stdout || request->capture_stderr || strcmp(value, "none") == 0)
        return true;
    return refuse("--capture takes auto, all, stdout, stderr or none, not", value);
}

static bool parse_trace(const char *value, struct request *request)
{
    request->trace = strcmp(value, "auto") == 0;
    return request->trace || strcmp(value, "off") == 0 || refuse("--trace takes auto or off, not", value);
}

static bool parse_network(const char *value, struct request *request)
{
    request->deny_network = strcmp(value, "on") == 0;
    return request->deny_network || strcmp(value, "off") == 0 || refuse("--deny-network takes on or off, not", value);
}

static bool parse_io_uring(const char *value, struct request *request)
{
    request->deny_io_uring = strcmp(value, "deny") == 0;
    return request->deny_io_uring || strcmp(value, "auto") == 0 || refuse("--io-uring takes auto or deny, not", value);
}

static bool parse_relay(const char *value, struct request *request)
{
    request->relay_all = strcmp(value, "all") == 0;
    return request->relay_all || strcmp(value, "pipes") == 0 || refuse("--relay takes pipes or all, not", value);
}

static bool parse_session(const char *value, struct request *request)
{
    request->new_session = strcmp(value, "new") == 0;
    return request->new_session || strcmp(value, "same") == 0 || refuse("--session takes same or new, not", value);
}

static bool parse_mode(const char *value, struct request *request)
{
    request->finish_in_front = strcmp(value, "wait") == 0;
    return request->finish_in_front || strcmp(value, "detached") == 0 ||
           refuse("--finish-mode takes detached or wait, not", value);
}

static bool parse_value(const char *option, char *value, struct request *request)
{
    if (strcmp(option, "--dir") == 0) {
        request->folder = value;
    } else if (strcmp(option, "--id") == 0) {
        request->id = value;
    } else if (strcmp(option, "--version") == 0) {
        request->version = value;
    } else if (strcmp(option, "--trace") == 0) {
        return parse_trace(value, request);
    } else if (strcmp(option, "--deny-network") == 0) {
        return parse_network(value, request);
    } else if (strcmp(option, "--io-uring") == 0) {
        return parse_io_uring(value, request);
    } else if (strcmp(option, "--capture") == 0) {
        return parse_capture(value, request);
    } else if (strcmp(option, "--relay") == 0) {
        return parse_relay(value, request);
    } else if (strcmp(option, "--session") == 0) {
        return parse_session(value, request);
    } else if (strcmp(option, "--finish-mode") == 0) {
        return parse_mode(value, request);
    } else if (strcmp(option, "--finish") == 0) {
        if (request->finish_words == MOST_WORDS)
            return refuse("too many", option);
        request->finish[request->finish_words++] = value;
    } else {
        return refuse("unknown option", option);
    }
    return true;
}

bool request_parse(char **argv, struct request *request)
{
    *request = (struct request){.id = "", .version = "", .trace = true, .capture_stdout = true, .capture_stderr = true};
    while (*argv != NULL && strncmp(*argv, "--", 2) == 0) {
        char *option = *argv++;

        if (strcmp(option, "--") == 0)
            break;
        if (strcmp(option, "--wait") == 0) {
            request->wait = true;
        } else {
            if (*argv == NULL)
                return refuse("a value is missing after", option);
            if (!parse_value(option, *argv++, request))
                return false;
        }
    }
    request->command = argv;
    return *argv != NULL || refuse("no command after", "run");
}
