// The metrics of connections, TLS, configuration, workers and the process.

internal import OpenSSL
internal import Policy
internal import Proxy
internal import Transport

extension MetricsDocument {
    static func writeConnections(_ observation: Observation, to text: inout MetricsText) {
        text.family("audgate_connections", .gauge, "Connections of clients that are open.")
        text.sample(observation.workers.reduce(0) { $0 + $1.connections })
        text.family("audgate_connections_accepted", .counter, "Connections of clients that were taken.")
        text.sample(observation.total(\.accepted))
        text.family(
            "audgate_connections_refused",
            .counter,
            "Connections of clients that were closed before their first request, by reason."
        )
        for refusal in ConnectionRefusal.allCases {
            let count = observation.reports.reduce(0) { $0 + $1.counts.refusals[refusal, default: 0] }
            text.sample(count, ["reason": refusal.rawValue])
        }
        text.family(
            "audgate_accept_pauses",
            .counter,
            "Pauses in taking connections: a limit was reached, or descriptors or memory had run out."
        )
        text.sample(observation.total(\.pauses))
        text.family("audgate_buffered_bytes", .gauge, "Octets of bodies that are held whole.", unit: "bytes")
        text.sample(observation.reports.reduce(0) { $0 + $1.bufferedBytes })
    }

    static func writeHandshakes(_ observation: Observation, to text: inout MetricsText) {
        text.family(
            "audgate_tls_handshakes",
            .counter,
            "TLS handshakes that succeeded, with clients and with endpoints."
        )
        for (number, kind) in HandshakeKind.allCases.enumerated() {
            text.sample(
                observation.reports.reduce(0) { $0 + $1.counts.handshakes[number] },
                [
                    "side": kind.isClient ? "client" : "upstream", "version": kind.version.rawValue,
                    "resumed": kind.isResumed ? "true" : "false",
                ]
            )
        }
        text.family(
            "audgate_tls_failures",
            .counter,
            "TLS handshakes that failed, with clients and with endpoints."
        )
        let clients = observation.reports.reduce(0) { $0 + $1.counts.refusals[.tls, default: 0] }
        text.sample(clients, ["side": "client"])
        text.sample(observation.total(\.upstreamTLSFailures), ["side": "upstream"])
    }

    static func writeConfiguration(_ observation: Observation, to text: inout MetricsText) {
        let facts = observation.facts
        text.family("audgate_reloads", .counter, "Reloads of the configuration, by outcome.")
        text.sample(facts.loads, ["outcome": "loaded"])
        text.sample(facts.refusals, ["outcome": "refused"])
        text.family(
            "audgate_last_reload_successful",
            .gauge,
            "Whether the last reload was done; 1 if there was none."
        )
        text.sample(facts.lastReload?.isLoaded == false ? 0 : 1)
        text.family(
            "audgate_configuration_loaded_timestamp_seconds",
            .gauge,
            "When the configuration that is served was loaded, in seconds since the Unix epoch.",
            unit: "seconds"
        )
        text.sample(facts.loadedAt)
        text.family(
            "audgate_configuration",
            .info,
            "The configuration that is served, by the SHA-256 of its text."
        )
        text.sample(1, ["hash": observation.snapshot?.hash ?? ""])
        text.family("audgate_log_dropped_lines", .counter, "Lines of a log that were lost.")
        text.sample(observation.lost.accessLines, ["log": "access"])
        text.sample(observation.lost.auditLines, ["log": "audit"])
        text.family("audgate_trace_spans", .counter, "Spans of traces, by what became of them.")
        text.sample(observation.lost.traces.exported, ["outcome": "exported"])
        text.sample(observation.lost.traces.dropped, ["outcome": "dropped"])
        text.family(
            "audgate_trace_failed_batches",
            .counter,
            "Batches of spans that the collector did not take after all tries."
        )
        text.sample(observation.lost.traces.failedBatches)
    }

    static func writeProcess(_ observation: Observation, to text: inout MetricsText) {
        text.family("audgate_ready", .gauge, "Whether the process can take traffic.")
        text.sample(observation.isReady ? 1 : 0)
        text.family(
            "audgate_worker_up",
            .gauge,
            "Whether a worker has told what it counts; otherwise its last counters are shown."
        )
        for (index, worker) in observation.workers.enumerated() {
            text.sample(worker.isFresh ? 1 : 0, ["worker": "\(index)"])
        }
        text.family("audgate_build", .info, "The release of the program.")
        text.sample(1, ["version": Release.version])
        let usage = observation.usage
        text.family("process_cpu_seconds", .counter, "Processor time of the process.", unit: "seconds")
        text.sample(microseconds: usage.processorTime)
        text.family("process_resident_memory_bytes", .gauge, "Memory that is present.", unit: "bytes")
        text.sample(usage.residentBytes)
        text.family("process_virtual_memory_bytes", .gauge, "Address space.", unit: "bytes")
        text.sample(usage.virtualBytes)
        text.family("process_open_fds", .gauge, "Open descriptors.")
        text.sample(usage.descriptors)
        text.family("process_max_fds", .gauge, "Most descriptors that may be open.")
        text.sample(usage.maximumDescriptors)
        text.family(
            "process_start_time_seconds",
            .gauge,
            "When the process began, in seconds since the Unix epoch.",
            unit: "seconds"
        )
        text.sample(observation.startedAt)
    }
}
