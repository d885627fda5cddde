"""Safeguards against what comes from outside: streams, sockets, paths, files of the workspace."""

from __future__ import annotations

from removal import Removal

_FRAMING = "tests/faults/test_protocol_framing.py::test_F69_a_broken_stream_ends_the_server"
_FILES = "tests/faults/test_security_files.py"
_PROCESSES = "tests/faults/test_security_processes.py"
_REQUESTS = "tests/faults/test_protocol_requests.py"
_INPUT = "tests/faults/test_protocol_input.py"

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
        "messages that wait in the pipe and not in memory",
        "lsp/reading.py",
        "        return few or not self._messages\n",
        "        return True\n",
        "tests/unit/test_ahead.py::test_many_small_messages_do_not_wait_for_each_other",
    ),
    Removal(
        "files that are too large to read",
        "indexing/reader.py",
        "                return Skip.TOO_LARGE\n",
        "                pass\n",
        "tests/faults/test_F50_odd_files.py::test_F51_huge_files_take_no_memory",
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
        '    if not hmac.compare_digest(shown, proof(token, "client", hello, nonce)):\n',
        "    if False:\n",
        "tests/process/test_ipc.py::test_a_wrong_token_is_refused",
    ),
    Removal(
        "the proof of a worker that it is one",
        "ipc/handshake.py",
        '    if not hmac.compare_digest(challenge.proof, proof(token, "server", hello, '
        "challenge.nonce)):\n",
        "    if False:\n",
        "tests/process/test_ipc.py::test_what_listens_in_a_workers_place_learns_nothing",
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
        "    if length > most:\n",
        "    if False:\n",
        "tests/process/test_safeguards_sockets.py"
        "::test_a_frame_that_announces_too_much_is_refused_at_once",
    ),
    Removal(
        "the deadline of a handshake",
        "ipc/handshake.py",
        "    end = time.monotonic() + HANDSHAKE_S\n    hello = ",
        "    end = time.monotonic() + 600\n    hello = ",
        "tests/process/test_ipc.py::test_F22_a_silent_client_is_dropped",
    ),
    Removal(
        "the limit of a greeting",
        "ipc/handshake.py",
        "read_frame(sock, end, HELLO_BYTES)",
        "read_frame(sock, end)",
        "tests/process/test_ipc.py::test_a_greeting_that_is_too_long_is_refused_at_once",
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
        " if key not in kept}",
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
        "a socket file that is made again",
        "ipc/service.py",
        "                self._look()\n",
        "                pass\n",
        "tests/process/test_sockets_removed.py"
        "::test_F30_a_socket_that_was_removed_is_made_again[file]",
    ),
    Removal(
        "a service that has closed and stays so",
        "ipc/service.py",
        "            if self._stopped:\n                return  # `close` has removed it\n",
        "",
        "tests/process/test_sockets_removed.py"
        "::test_F30_a_service_that_has_closed_does_not_come_back",
    ),
    Removal(
        "the end when nobody listens any more",
        "lsp/reading.py",
        "            self._gone = None\n            gone()\n",
        "            self._gone = None\n",
        "tests/faults/test_F16_pressed.py"
        "::test_F19_a_client_that_does_not_listen_any_more_ends_the_server",
    ),
)
