/* How a job ends.
 *
 * E1 The exit code is 128 + signal of the first rank that crashed, else the first code other than 0
 *    by time. A rank that dies of what the launcher sent it has not crashed.
 * E2 Whoever is told to end has a limited time: after it, SIGKILL. Nothing outlives the job.
 * E3 A signal from outside is passed on once; another one kills.
 * E4 What a rank printed before it ended is read before its end is spoken of.
 */
#include <stdio.h>

#include "job.h"
#include "port/clock.h"
#include "port/env.h"

static const int64_t grace_ns = 500 * 1000000LL;     /* after a crash */
static const int64_t patience_ns = 5000 * 1000000LL; /* after a signal from outside */

static void first_code(weft__verdict *v, int code)
{
    if (v->first == 0)
        v->first = code;
}

static void kill_all(weft__job *job)
{
    job->verdict.killing = true;
    job->verdict.end_at = job->verdict.kill_at = INT64_MAX;
    weft__ranks_signal(job, weft__signal_kill);
}

/* Stopped processes have to go on in order to end. */
static void end_all(weft__job *job)
{
    job->verdict.ending = true;
    job->verdict.end_at = INT64_MAX;
    job->verdict.kill_at = weft__clock_ns() + grace_ns;
    weft__ranks_signal(job, weft__signal_term);
    weft__ranks_signal(job, weft__signal_cont);
}

static void crashed(weft__job *job, int rank, int pid, int signal)
{
    char host[256];
    weft__verdict *v = &job->verdict;
    if (v->crash != 0)
        return;
    v->crash = signal;
    weft__host_name(host, sizeof host);
    weft__output_say(&job->output,
                     "weft run: rank %d (pid %d) on %s was killed by signal %d (%s)%s", rank, pid,
                     host, signal, weft__signal_name(signal),
                     job->running > 0 ? "; ending the other ranks" : "");
    if (!v->ending && !v->killing)
        end_all(job);
}

/* E1 */
static void judge(weft__job *job, int rank, int pid, weft__process_end end)
{
    weft__verdict *v = &job->verdict;
    if (!end.killed) {
        first_code(v, end.code);
        return;
    }
    if (v->unread && (end.code == weft__signal_pipe || v->ending || v->killing))
        first_code(v, 128 + weft__signal_pipe);
    else if (v->forwarded != 0 &&
             (end.code == v->forwarded || (v->killing && end.code == weft__signal_kill)))
        first_code(v, 128 + v->forwarded);
    else if (!(v->ending && end.code == weft__signal_term) &&
             !(v->killing && end.code == weft__signal_kill))
        crashed(job, rank, pid, end.code);
}

void weft__ending_own(weft__job *job, int code)
{
    weft__verdict *v = &job->verdict;
    v->own = v->own ? v->own : code;
    if (!v->ending && !v->killing)
        end_all(job);
}

void weft__ending_output(weft__job *job)
{
    weft__verdict *v = &job->verdict;
    int which;
    weft_err e = weft__output_error(&job->output, &which);
    if (e == WEFT_OK || v->unread)
        return;
    v->unread = true;
    if (e == WEFT_CLOSED) {
        /* The ranks see it themselves when they print. Those that do not are told to end. */
        v->end_at = weft__clock_ns() + grace_ns;
        return;
    }
    if (which == 0)
        weft__output_say(&job->output, "weft run: %s; ending the ranks", job->output.sinks[0].why);
    weft__ending_own(job, 1);
}

void weft__ending_rank(weft__job *job, int rank)
{
    weft__rank *r = &job->rank[rank];
    weft__process_end end;
    if (!r->running || !weft__process_ended(&r->process, &end))
        return;
    int pid = r->process.pid;
    /* Its number is its own until it is reaped: its group can be meant by nothing else. */
    weft__group_signal(pid, weft__signal_kill);
    /* Pairs with the guard's load, which comes after the launcher's end. */
    weft_atomic_store(&job->guard.groups[rank], 0, WEFT_RELEASE);
    r->running = false;
    job->running--;
    weft__poller_unset(&job->poller, r->process.fd);
    weft__process_reap(&r->process);
    weft__seg_set_state(&job->seg, rank, WEFT__RANK_LOST); /* unless it said goodbye */
    if (rank == 0)
        weft__input_close(&job->input);
    weft__output_drain(&job->output, rank); /* E4 */
    weft__ending_output(job);
    judge(job, rank, pid, end);
}

void weft__ending_signal(weft__job *job, int signal)
{
    weft__verdict *v = &job->verdict;
    if (v->forwarded != 0 || v->ending || v->killing) {
        v->forwarded = v->forwarded ? v->forwarded : signal;
        kill_all(job); /* E3 */
        return;
    }
    v->forwarded = signal;
    v->kill_at = weft__clock_ns() + patience_ns;
    weft__ranks_signal(job, signal);
    weft__ranks_signal(job, weft__signal_cont);
}

/* Say which ranks did not heed the signal that was passed on. */
static void say_who_stayed(weft__job *job)
{
    char who[256] = "";
    size_t len = 0;
    int more = 0;
    for (int r = 0; r < job->ranks; r++) {
        if (!job->rank[r].running)
            continue;
        if (len > sizeof who - 32)
            more++;
        else
            len += (size_t)snprintf(who + len, sizeof who - len, "%s%d", len ? ", " : "", r);
    }
    weft__output_say(&job->output, "weft run: %s %s%s did not end within 5 s of signal %d; killing",
                     job->running == 1 ? "rank" : "ranks", who, more ? " and more" : "",
                     job->verdict.forwarded);
}

void weft__ending_due(weft__job *job)
{
    weft__verdict *v = &job->verdict;
    int64_t now = weft__clock_ns();
    if (v->end_at <= now)
        end_all(job);
    if (v->kill_at > now)
        return;
    if (job->running > 0 && v->forwarded != 0 && !v->ending)
        say_who_stayed(job);
    kill_all(job);
}

int weft__ending_code(const weft__job *job)
{
    const weft__verdict *v = &job->verdict;
    if (v->own != 0)
        return v->own;
    return v->crash != 0 ? 128 + v->crash : v->first;
}
