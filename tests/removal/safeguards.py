"""The safeguards that are taken out, one at a time, and the test that must turn red for each.

An edit replaces one exact text of one file; where the text is not there any more, once, the run
fails loudly. A new safeguard is a row here.
"""

from __future__ import annotations

from typing import NamedTuple


class Removal(NamedTuple):
    """One safeguard: what it is, the file below `server/wherein`, the edit, and its test."""

    name: str
    file: str
    old: str
    new: str
    test: str


_FRAMING = "tests/faults/test_protocol_framing.py::test_F69_a_broken_stream_ends_the_server"
_FILES = "tests/faults/test_security_files.py"
_PROCESSES = "tests/faults/test_security_processes.py"
_REQUESTS = "tests/faults/test_protocol_requests.py"
_DAMAGE = "tests/faults/test_F35_damage.py"
_INPUT = "tests/faults/test_protocol_input.py"
_PURGE = "tests/faults/test_F83_purge.py"
_DISK = "tests/faults/test_F02_once.py"

REMOVALS = (
    Removal(
        "the watch on the parent process (sentinel and signal)",
        "workers/runtime.py",
        "    _watch_parent()\n",
        "",
        "tests/process/test_safeguards_parent.py::test_F17_a_deaf_worker_ends_with_its_server",
    ),
    Removal(
        "the watch on the editor's process",
        "lsp/server.py",
        "        watch_editor(params.process_id, lambda: leave(self.session, self.exit_code()))\n",
        "",
        "tests/protocol/test_exits.py::test_F09_an_editor_that_is_gone_ends_it_though_stdin_is_open",
    ),
    Removal(
        "private copies of stdin and stdout",
        "__main__.py",
        "        os.dup2(2, 1)\n",
        "        pass\n",
        f"{_REQUESTS}::test_F77_nothing_but_messages_on_stdout",
    ),
    Removal(
        "the isolated interpreter",
        "__main__.py",
        "    if not sys.flags.isolated and sys.executable:\n",
        "    if False:\n",
        "tests/protocol/test_exits.py::test_nothing_is_imported_from_where_it_is_started",
    ),
    Removal(
        "the limit of a header",
        "lsp/reading.py",
        "            if len(self._data) > MAX_HEADER:\n",
        "            if False:\n",
        f"{_FRAMING}[1 MB header]",
    ),
    Removal(
        "the limit of a message",
        "lsp/reading.py",
        "    if length > MAX_BODY:\n",
        "    if False:\n",
        f"{_FRAMING}[4 GB]",
    ),
    Removal(
        "the one Content-Length of a header",
        "lsp/reading.py",
        "    if len(found) != 1:\n",
        "    if not found:\n",
        f"{_FRAMING}[duplicate]",
    ),
    Removal(
        "the deadline of a message that has begun",
        "lsp/reading.py",
        "            if began is not None and time.monotonic() - began > FRAME_S:\n",
        "            if began is not None and began < 0:\n",
        "tests/faults/test_protocol_framing.py"
        "::test_F69_a_message_that_stops_halfway_ends_the_server",
    ),
    Removal(
        "the order of initialize, requests and shutdown",
        "lsp/protocol.py",
        "        if problem := self._out_of_order(method):\n",
        "        if (problem := self._out_of_order(method)) and False:\n",
        f"{_REQUESTS}::test_F72_requests_out_of_order_have_their_codes",
    ),
    Removal(
        "errors without tracebacks",
        "lsp/protocol.py",
        "        if error is not None and error.data is not None:\n",
        "        if False:\n",
        "tests/protocol/test_safeguards_server.py::test_a_handler_that_fails_tells_no_internals",
    ),
    Removal(
        "the check that a text is Unicode",
        "lsp/messages.py",
        "            json.dumps(value, ensure_ascii=False).encode()\n",
        "            json.dumps(value, ensure_ascii=False)\n",
        "tests/faults/test_protocol_framing.py::test_F70_odd_json_is_a_message_all_the_same",
    ),
    Removal(
        "the bound on requests that wait",
        "lsp/crowd.py",
        "        if len(self._waiting) > WAITING:\n",
        "        if False:\n",
        "tests/unit/test_crowd.py::test_the_newest_are_kept",
    ),
    Removal(
        "sending without waiting",
        "ipc/outbox.py",
        "        self._at_once.setblocking(False)\n",
        "        self._at_once.settimeout(None)\n",
        "tests/unit/test_outbox.py::test_nothing_is_lost_and_nobody_waits",
    ),
    Removal(
        "the interrupt of a search that is cancelled",
        "db_worker/readers.py",
        "        call.on_cancel = reader.interrupt\n",
        "",
        "tests/process/test_safeguards_database.py"
        "::test_F73_a_cancel_interrupts_the_statement_that_runs",
    ),
    Removal(
        "the confinement of paths to the folders",
        "commands/sync.py",
        "        if not any(found):\n",
        "        if False:\n",
        f"{_INPUT}::test_F76_no_path_leads_outside",
    ),
    Removal(
        "links that are not followed",
        "paths.py",
        '_COMMON = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)\n',
        '_COMMON = getattr(os, "O_CLOEXEC", 0)\n',
        "tests/unit/test_indexing_reader.py"
        "::test_no_symbolic_link_is_followed_anywhere_in_the_path",
    ),
    Removal(
        "files that are opened without waiting",
        "indexing/reader.py",
        "            if not stat.S_ISREG(before.st_mode):\n",
        "            if False:\n",
        "tests/unit/test_indexing_reader.py::test_pipes_sockets_and_directories_do_not_block",
    ),
    Removal(
        "quoting of what goes to the word index",
        "db_worker/lexical.py",
        """token.replace('"', '""')""",
        "token",
        "tests/unit/test_safeguards_files.py::test_a_quote_in_a_token_stays_inside_the_token",
    ),
    Removal(
        "the token of a connection",
        "ipc/handshake.py",
        "    if not hmac.compare_digest(hello.token, token):\n",
        "    if False:\n",
        "tests/process/test_ipc.py::test_a_wrong_token_is_refused",
    ),
    Removal(
        "the user of a connection",
        "ipc/handshake.py",
        "    if not same_user(sock):\n",
        "    if False:\n",
        "tests/process/test_safeguards_sockets.py::test_another_users_process_is_not_served",
    ),
    Removal(
        "the limit of a frame",
        "ipc/frames.py",
        "    if length > MAX_FRAME:\n",
        "    if False:\n",
        "tests/process/test_safeguards_sockets.py"
        "::test_a_frame_that_announces_too_much_is_refused_at_once",
    ),
    Removal(
        "the deadline of a handshake",
        "ipc/handshake.py",
        "        hello = _hello(read_frame(sock, time.monotonic() + HANDSHAKE_S))\n",
        "        hello = _hello(read_frame(sock))\n",
        "tests/process/test_ipc.py::test_F22_a_silent_client_is_dropped",
    ),
    Removal(
        "what stands in the way of a socket",
        "ipc/transport.py",
        "    if not stat.S_ISSOCK(found.st_mode) or found.st_uid != os.geteuid():\n",
        "    if False:\n",
        "tests/process/test_ipc.py::test_F24_a_file_in_the_sockets_place_is_not_removed",
    ),
    Removal(
        "files for this person alone",
        "paths.py",
        '        fd = os.open(fresh, flags | getattr(os, "O_BINARY", 0), 0o600)\n',
        '        fd = os.open(fresh, flags | getattr(os, "O_BINARY", 0), 0o666)\n',
        f"{_FILES}::test_S05_the_files_made_by_the_host_are_private_by_themselves",
    ),
    Removal(
        "links that are planted where our files will be",
        "paths.py",
        '    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)\n',
        "    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC\n",
        f"{_FILES}::test_S09_what_is_planted_is_not_written_through",
    ),
    Removal(
        "keys known by their beginning",
        "indexing/reader.py",
        " or _PRIVATE_KEY.match(data):\n",
        ":\n",
        f"{_FILES}::test_S12_a_key_is_known_by_its_beginning",
    ),
    Removal(
        "secrets known by their name",
        "indexing/ignore.py",
        '        return _SECRETS.match(path.rpartition(b"/")[2]) is not None\n',
        "        return False\n",
        "tests/unit/test_indexing_ignore.py::test_secrets_are_always_out",
    ),
    Removal(
        "settings of the machine, which a folder does not choose",
        "lsp/lifecycle.py",
        " if key not in MACHINE}",
        "}",
        "tests/protocol/test_changing_settings.py::test_S02_a_model_counts_from_initialize_only",
    ),
    Removal(
        "the ceiling of the parser's memory",
        "workers/runtime.py",
        "        resource.setrlimit(resource.RLIMIT_AS, (limit, most))\n",
        "        pass\n",
        f"{_PROCESSES}::test_S11_a_file_that_needs_too_much_memory_ends_its_worker_alone",
    ),
    Removal(
        "no core dumps",
        "workers/runtime.py",
        "    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n",
        "",
        f"{_PROCESSES}::test_S18_workers_are_modest",
    ),
    Removal(
        "requests that were applied (exactly once)",
        "db_worker/store.py",
        "        return Written(rows[0][0], bool(rows[0][1])) if rows else None\n",
        "        return None\n",
        "tests/unit/test_store.py::test_a_repeated_request_has_one_effect_and_the_same_reply",
    ),
    Removal(
        "vectors of one model only",
        "db_worker/search.py",
        "snapshot.fingerprint == vector.fingerprint and ",
        "",
        "tests/unit/test_safeguards_vectors.py"
        "::test_a_query_vector_of_another_model_is_compared_with_nothing",
    ),
    Removal(
        "the reconcile after lost events",
        "workers/watching.py",
        '        logging.getLogger("watchdog.observers").addHandler(self._losses)\n',
        "",
        "tests/unit/test_safeguards_watching.py::test_an_overflow_that_watchdog_only_logs_is_heard",
    ),
    Removal(
        "directories that could not be read are unknown, not gone",
        "indexing/walker.py",
        "        except OSError:\n            found.unknown.add(directory)\n",
        "        except OSError:\n            pass\n",
        "tests/unit/test_indexing_walker.py"
        "::test_a_directory_that_cannot_be_read_is_unknown_not_empty",
    ),
    Removal(
        "the lock of an index",
        "ownership/lock.py",
        "        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)\n",
        "        pass\n",
        "tests/process/test_rules.py::test_r2_only_an_owner_starts_workers",
    ),
    Removal(
        "the budget of restarts",
        "workers/supervision.py",
        "        if len(self._deaths) > BUDGET:\n",
        "        if False:\n",
        "tests/unit/test_supervision.py::test_restarts_slow_down_and_end",
    ),
    Removal(
        "the memory of requests that were applied",
        "db_worker/store.py",
        "        if reply := self._applied(u.request_id):\n",
        "        if (reply := self._applied(u.request_id)) and False:\n",
        "tests/faults/test_F02_once.py"
        "::test_F02_a_write_sent_again_after_a_restart_is_answered_as_before",
    ),
    Removal(
        "the counting of rows after a kill",
        "db_worker/schema.py",
        " or miscounted(conn, meta):\n",
        ":\n",
        f"{_DAMAGE}::test_F35_a_damaged_log_loses_nothing_for_long[rows_of_another_commit]",
    ),
    Removal(
        "the refusal of what is no plain file",
        "db_worker/schema.py",
        "    disk.refuse_odd(path)\n    if path.stat().st_size == 0:\n",
        "    if path.stat().st_size == 0:\n",
        f"{_DAMAGE}::test_F35_a_damaged_index_is_rebuilt[log_is_a_directory]",
    ),
    Removal(
        "the checksums of pages",
        "db_worker/schema.py",
        "    checked = checksums()\n",
        "    checked = False\n",
        f"{_DAMAGE}::test_F36_flipped_bits_are_found[20]",
    ),
    Removal(
        "the pointer beside a newer version's",
        "db_worker/generations.py",
        "            if error.newer:",
        "            if False:",
        f"{_DAMAGE}::test_F37_the_index_of_a_newer_wherein_is_left_alone",
    ),
    Removal(
        "directories that could not be read are unknown",
        "indexing/reconcile.py",
        " and not walk.is_unknown(path)\n",
        "\n",
        "tests/faults/test_F48_disk_is_truth.py"
        "::test_F59_a_directory_that_cannot_be_read_is_unknown_not_deleted",
    ),
    Removal(
        "a rebuild that is filled before it answers",
        "db_worker/readers.py",
        "                wanted = self._index.writer\n",
        "                pass\n",
        "tests/faults/test_F44_following.py::test_F05_a_reindex_answers_all_the_time",
    ),
    Removal(
        "a file that killed a worker twice is left out (the casebook)",
        "workers/quarantine.py",
        "            if len(units) == 1 and units[0].key in self._suspects:\n",
        "            if False:\n",
        "tests/faults/test_quarantine.py"
        "::test_F17_a_file_that_ends_the_watcher_twice_is_left_out[kill]",
    ),
    Removal(
        "the jitter of restarts",
        "workers/supervision.py",
        "        return delay * (1 - JITTER + 2 * JITTER * self._chance())\n",
        "        return delay\n",
        "tests/unit/test_supervision.py::test_restarts_of_many_servers_are_spread",
    ),
    Removal(
        "patience with workers on a machine that is overloaded",
        "workers/supervision.py",
        "    return PATIENCE if load > OVERLOAD * cores else 1.0\n",
        "    return 1.0\n",
        "tests/unit/test_supervision.py::test_a_worker_that_gets_no_time_is_not_taken_for_hung",
    ),
    Removal(
        "our own sleep, told from a worker's silence",
        "workers/supervision.py",
        "        if now - self._last > 3 * TICK_S:\n",
        "        if False:\n",
        "tests/unit/test_supervision.py::test_F13_silence_is_told_from_our_own_sleep",
    ),
    Removal(
        "the end of patience at a stop: what does not stop is killed",
        "workers/handle.py",
        "                process.kill()\n                reader.join(1.0)\n",
        "                reader.join(1.0)\n",
        "tests/process/test_rules.py::test_r1_a_worker_that_ignores_sigterm_is_killed",
    ),
    Removal(
        "versions in the handshake",
        "ipc/handshake.py",
        "    elif version != ours:\n",
        "    elif False:\n",
        "tests/process/test_safeguards_sockets.py"
        "::test_F21_another_version_is_refused_by_name[build-99.10.0-True]",
    ),
    Removal(
        "the order of versions in the handshake: the older one retires",
        "ipc/handshake.py",
        "        raise (Newcomer if known and version > ours else ProtocolError)(reason)\n",
        "        raise ProtocolError(reason)\n",
        "tests/process/test_safeguards_sockets.py"
        "::test_F21_another_version_is_refused_by_name[build-99.10.0-True]",
    ),
    Removal(
        "the token before the version: a stranger retires nobody",
        "ipc/handshake.py",
        '        known = reason != "the token is wrong"\n',
        "        known = True\n",
        "tests/process/test_safeguards_sockets.py"
        "::test_F21_another_version_is_refused_by_name[build-99.10.0-True]",
    ),
    Removal(
        "the end of what a dead owner left behind",
        "ownership/lock.py",
        "        kill_leftovers(read_owner(self._paths))\n",
        "",
        "tests/process/test_leftovers.py::test_F25_the_next_owner_kills_what_was_left",
    ),
    Removal(
        "the log of a worker, which says why it died",
        "workers/runtime.py",
        "    editors = log.begin()\n",
        "    editors = None\n",
        "tests/faults/test_F15_worker_logs.py"
        "::test_F15_a_worker_that_cannot_start_is_given_up_with_its_last_words[database-say]",
    ),
    Removal(
        "the bound on that log",
        "workers/worker_log.py",
        "            if self._ours and os.fstat(2).st_size > MAX_BYTES:\n",
        "            if False:\n",
        "tests/faults/test_F15_worker_logs.py::test_F84_a_log_stays_small",
    ),
    Removal(
        "logging that waits for nobody",
        "logs.py",
        "(_Behind(_writing(seen)), ",
        "(_writing(seen), ",
        "tests/faults/test_F15_worker_logs.py"
        "::test_F18_a_client_that_does_not_read_the_log_is_served_all_the_same",
    ),
    Removal(
        "deleted text that leaves the pages",
        "db_worker/schema.py",
        '        pragma(conn, "secure_delete", "ON")',
        '        pragma(conn, "secure_delete", "OFF")',
        f"{_PURGE}::test_S12_deleted_rows_leave_the_files_at_the_checkpoint",
    ),
    Removal(
        "no write-ahead log on a network file system",
        "db_worker/schema.py",
        '    return "truncate" if disk.on_network(path) else "wal"\n',
        '    return "wal"\n',
        f"{_DISK}::test_F28_there_is_no_write_ahead_log_on_a_network_disk",
    ),
)
