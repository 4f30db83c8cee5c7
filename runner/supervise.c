#include "event.h"
#include "job.h"
#include "port/clock.h"

enum { EVENTS = 64 };

static bool is_rank(void *arg, int pid)
{
    const weft__job *job = arg;
    if (pid == job->guard.pid)
        return true;
    for (int r = 0; r < job->ranks; r++)
        if (job->rank[r].running && job->rank[r].process.pid == pid)
            return true;
    return false;
}

/* Returns true if there is nothing left to wait for: give up what is not yet written. */
static bool on_signals(weft__job *job)
{
    int number;
    weft__signal_kind kind;
    while ((kind = weft__signals_next(&job->signals, &number)) != WEFT__SIGNAL_NONE) {
        if (kind == WEFT__SIGNAL_END) {
            weft__ending_signal(job, number);
            if (job->running == 0)
                return true;
        } else if (kind == WEFT__SIGNAL_PAUSE) {
            weft__ranks_signal(job, weft__signal_stop);
            weft__signal_stop_self();
        } else if (kind == WEFT__SIGNAL_GO_ON) {
            weft__ranks_signal(job, weft__signal_cont);
        } else {
            weft__orphans_reap(is_rank, job);
        }
    }
    return false;
}

static bool on_event(weft__job *job, uint64_t key)
{
    int index = weft__event_index(key);
    switch (weft__event_kind_of(key)) {
    case WEFT__EVENT_SIGNAL:
        return on_signals(job);
    case WEFT__EVENT_RANK:
        weft__ending_rank(job, index);
        weft__orphans_reap(is_rank, job);
        break;
    case WEFT__EVENT_STREAM:
        weft__output_stream(&job->output, index);
        break;
    case WEFT__EVENT_SINK:
        weft__output_sink(&job->output, index);
        break;
    case WEFT__EVENT_TYPED:
        weft__input_typed(&job->input);
        break;
    case WEFT__EVENT_FEED:
        weft__input_pass(&job->input);
        break;
    }
    return false;
}

/* So long the output of a job that crashed or was ended waits for its reader. */
static const int64_t drain_ns = INT64_C(1000000000);

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* One turn: wait until `limit` at most, and see to what happened. True: give up. */
static bool turn(weft__job *job, int64_t limit)
{
    weft__poll_event events[EVENTS];
    const weft__verdict *v = &job->verdict;
    int64_t until = sooner(sooner(job->input.recheck, limit), sooner(v->end_at, v->kill_at));
    until = sooner(until, weft__output_due(&job->output));
    int n = weft__poller_wait(&job->poller, events, EVENTS, until);
    for (int i = 0; i < n; i++)
        if (on_event(job, events[i].key))
            return true;
    weft__output_break(&job->output);
    weft__ending_output(job);
    if (job->input.recheck <= weft__clock_ns())
        weft__input_pass(&job->input);
    weft__ending_due(job);
    return false;
}

int weft__job_supervise(weft__job *job)
{
    bool over = false;
    while (job->running > 0 && !over)
        over = turn(job, INT64_MAX);
    /* Nothing is left but what ranks started and left behind in groups of their own. */
    weft__spawn_guard_stop(&job->guard);
    weft__orphans_end();
    job->verdict.end_at = job->verdict.kill_at = INT64_MAX;
    /* What was printed is passed on however long its reader takes, unless the job did not end well: then
     * a reader that stalls must not keep it. */
    bool ill = job->verdict.crash != 0 || job->verdict.forwarded != 0;
    int64_t limit = ill ? weft__clock_ns() + drain_ns : INT64_MAX;
    while (!over && !weft__output_finish(&job->output) && weft__clock_ns() < limit)
        over = turn(job, limit);
    weft__ending_output(job);
    if (over && job->verdict.crash == 0 && job->verdict.first == 0)
        return 128 + job->verdict.forwarded; /* what was printed last was given up */
    return weft__ending_code(job);
}
