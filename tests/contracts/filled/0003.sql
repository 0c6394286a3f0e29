INSERT INTO jobs (
    id, kind, spec, created_at_us, origin, needs, priority,
    state, end_reason, exit_code, core_dumped, fault_code, fault_message,
    attempt, worker_id, updated_at_us, ended_at_us, progress, result, facts, last_seq, revision
) VALUES (
    'old', 'annotate', '{"a": 1}', 1772366400123456, 'api', '{"gpu": "1"}', 20,
    'ended', 'failed', 3, '0', 'oops', 'It broke.',
    1, 'w1', 1772366409123456, 1772366409123456, '{"black": 50.0}', '{}', '{}', 4, 3
);

INSERT INTO log (number, job_id, kind, attempt, at_us, note, state, data)
VALUES (7, 'old', 'annotate', 1, 1772366409123456, 'state', 'ended', '{}');

UPDATE counters SET value = 7 WHERE name = 'log';

INSERT INTO workers (id, state, boot_id, started_at_us, seen_at_us, slots, labels, facts, draining)
VALUES ('w1', 'ready', 'boot', 1772366400123456, 1772366400123456, '{"command": 4}', '{}', '{}', '0');

INSERT INTO documents (shelf, key, document) VALUES ('cameras', 'c', '{"name": "old"}');
