// What holds for every text that is given as a configuration: the fuzz target of the compiler.

import Configuration
import Policy

/// The invariants of `ConfigurationLoader.compile`.
enum ConfigurationInvariants {
    /// The invariant that `text` breaks, nil if none.
    static func broken(by text: Span<UInt8>) -> String? {
        var copy: [UInt8] = []
        for index in text.indices { copy.append(text[index]) }
        let source = ConfigurationSource(name: "gateway.json", text: copy)
        do {
            let configuration = try ConfigurationLoader.compile(source)
            let snapshot = configuration.snapshot
            guard snapshot.routes.allSatisfy({ !$0.issuers.isEmpty }) else {
                return "a route without an issuer"
            }
            return snapshot.listeners.isEmpty ? "no listener" : nil
        } catch {
            let isPlaced = error.diagnostics.allSatisfy {
                $0.line >= 1 && $0.column >= 1 && !$0.problem.isEmpty
            }
            guard isPlaced else { return "a diagnostic without a place" }
            return error.diagnostics.contains { $0.severity == .error } ? nil : "refused without an error"
        }
    }
}
