"""Safeguards against what goes wrong inside: storage, the disk, what is kept and answered."""

from __future__ import annotations

from removal import Removal

_DAMAGE = "tests/faults/test_F35_damage.py"
_PURGE = "tests/faults/test_F83_purge.py"
_PRESSED = "tests/faults/test_F16_pressed.py"
_DISK = "tests/faults/test_F02_once.py"

REMOVALS = (
    Removal(
        "requests that were applied (exactly once)",
        "db_worker/store.py",
        "        return Written(rows[0][0], bool(rows[0][1])) if rows else None\n",
        "        return None\n",
        "tests/unit/test_store.py::test_a_repeated_request_has_one_effect_and_the_same_reply",
    ),
    Removal(
        "statements that only read, where questions are answered",
        "db_worker/schema.py",
        "    conn.authorizer = _reads_only\n",
        "",
        "tests/unit/test_reading_only.py::test_F75_a_searching_connection_refuses_to_write[False]",
    ),
    Removal(
        "parsers that have no end",
        "indexing/grammars.py",
        "            if time.thread_time() > until:\n                return None\n",
        "            continue\n",
        "tests/unit/test_unfinished.py::test_code_without_an_end_is_cut_by_lines",
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
        "what a filter keeps out seems far",
        "db_worker/scan.py",
        "            nearness *= self.keep\n",
        "            pass\n",
        "tests/unit/test_scan.py::test_many_vectors_are_compared_by_their_sketches_first[False]",
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
        "the end of what a killed process had moved on from",
        "db_worker/generations.py",
        "            _remove_leftovers(index_dir)  # of one that was killed when it had moved on\n",
        "",
        "tests/faults/test_F38_killed_upgrade.py"
        "::test_F38_a_kill_while_an_old_index_is_replaced_leaves_no_half_of_one[fsync]",
    ),
    Removal(
        "the copy of what changes while it is described",
        "status.py",
        "facts.troubles.copy().items()",
        "facts.troubles.items()",
        "tests/unit/test_status.py::test_facts_that_change_meanwhile_are_described_all_the_same",
    ),
    Removal(
        "the rest before accepting is tried again",
        "ipc/service.py",
        "                time.sleep(REST_S)  # no descriptor left",
        "                pass  # no descriptor left",
        "tests/process/test_safeguards_sockets.py"
        "::test_a_system_without_descriptors_is_not_asked_all_the_time",
    ),
    Removal(
        "answers that wait for no client",
        "ipc/service.py",
        "            outbox.send(envelope.encode(envelope.Reply(call.number, fault, body)))\n",
        "            reply = envelope.encode(envelope.Reply(call.number, fault, body))\n"
        "            frames.write_frame(self._socket, reply)\n",
        "tests/process/test_safeguards_sockets.py"
        "::test_a_client_that_does_not_read_holds_up_nobody",
    ),
    Removal(
        "patience with a worker that leaves its messages",
        "ipc/frames.py",
        "        except TimeoutError:\n            continue\n",
        "",
        "tests/unit/test_outbox.py::test_a_patient_one_waits_for_as_long_as_the_peer_is_there",
    ),
    Removal(
        "the clients for whom there is no thread",
        "ipc/service.py",
        "            except RuntimeError as error:  # the system may",
        "            except KeyError as error:  # the system may",
        "tests/process/test_safeguards_sockets.py"
        "::test_a_client_for_whom_there_is_no_thread_is_hung_up_on",
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
        "a sync that nobody waits for any more is not asked again",
        "syncs.py",
        " if until <= now]\n",
        " if False]\n",
        "tests/protocol/test_joined.py"
        "::test_what_a_joined_window_does_not_wait_for_any_more_is_not_done",
    ),
    Removal(
        "a rebuild that is filled before it answers",
        "db_worker/readers.py",
        "                wanted = self._index.writer\n",
        "                pass\n",
        "tests/faults/test_F44_following.py::test_F05_a_reindex_answers_all_the_time",
    ),
    Removal(
        "an open file that is as on disk, or is left out there, is not parsed by the database",
        "db_worker/unsaved.py",
        "            if content_hash == unsaved.content_hash or skip == Skip.QUARANTINED.value:\n",
        "            if False:\n",
        "tests/faults/test_quarantine.py::test_F17_a_file_that_is_open_too_ends_the_watcher_alone",
    ),
    Removal(
        "a buffer that killed the database twice is left out",
        "db_worker/overlay.py",
        "        if unit.key in self._note.care.guilty:\n",
        "        if False:\n",
        "tests/faults/test_quarantine.py"
        "::test_F17_a_buffer_that_ends_the_database_twice_is_left_out",
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
        "logs without directories",
        "logs.py",
        "        return text if record.levelno <= logging.DEBUG else without_places(text)\n",
        "        return text\n",
        "tests/faults/test_security_files.py::test_S13_errors_tell_no_places",
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
    Removal(
        "open files that the next owner is told of",
        "database/code_database.py",
        '        self._driver.keep("ask_owner", b"near", asked if asked.paths else None)\n',
        "",
        "tests/protocol/test_joined.py::test_what_a_joined_window_has_open_is_near_for_the_owner",
    ),
    Removal(
        "new files before those that changed",
        "indexing/reconcile.py",
        "key=lambda path: (path in known, path)",
        "key=lambda path: path",
        "tests/unit/test_supervision.py::test_a_reconcile_plans_what_differs",
    ),
    Removal(
        "an index that was removed is no failing disk",
        "db_worker/index.py",
        "            if self.writer.lost or self.live.lost:  # its files were removed",
        "            if False:  # its files were removed",
        "tests/faults/test_F39_removed.py::test_F39_a_removal_is_not_taken_for_a_failing_disk",
    ),
    Removal(
        "an index that is closed and cannot be opened yet",
        "db_worker/engine.py",
        "        return self._closed or self._behind\n",
        "        return self._behind\n",
        "tests/faults/test_F32_disk.py"
        "::test_F33_an_index_that_could_not_be_opened_again_is_when_it_can",
    ),
    Removal(
        "memory that fell behind a commit",
        "db_worker/engine.py",
        "        return self._closed or self._behind",
        "        return self._closed",
        "tests/faults/test_F02_once.py"
        "::test_F02_a_write_that_was_committed_and_not_remembered_is_found",
    ),
    Removal(
        "short names of sockets",
        "paths.py",
        "len(os.fsencode(wanted)) + 25 > _SOCKET_PATH_LIMIT or ",
        "",
        f"{_PRESSED}::test_F29_long_names_leave_the_sockets_names_short",
    ),
    Removal(
        "a question that is withdrawn while its worker starts, which is not sent",
        "database/drivers/sqlite_proxy.py",
        "            if not self._given_up:  # connecting may have taken seconds\n",
        "            if True:\n",
        "tests/process/test_safeguards_driver.py"
        "::test_a_wish_that_is_withdrawn_while_connecting_is_not_sent",
    ),
    Removal(
        "the lock of an index whose directory was removed, made anew",
        "removed.py",
        "            if folder.owned and not folder.lock.keep(token):\n",
        "            if False:\n",
        "tests/protocol/test_folders.py::test_of_two_owners_one_gives_way",
    ),
    Removal(
        "a pause that is not passed on by who was asked for it",
        "answering.py",
        ", onward=False)",
        ")",
        "tests/protocol/test_folders.py::test_windows_that_joined_each_other_pause_once",
    ),
    Removal(
        "texts of documents by the URI that the client wrote, with its own ends of lines",
        "lsp/buffers.py",
        r'_LINE_END: Final = re.compile(r"\r\n|\n|\r")',
        r'_LINE_END: Final = re.compile(r"\r\n|[\n\r\f\v\x1c\x85\u2028]")',
        "tests/protocol/test_unsaved.py::test_lines_end_where_the_protocol_ends_them",
    ),
)
