// Whether a token may do what is asked.

/// Scopes, with those that they imply.
public enum ScopeRule {
    /// The scopes of `required` that `granted` neither has nor implies, in their order.
    public static func missing(
        _ required: [String],
        from granted: [String],
        implications: [String: Set<String>]
    ) -> [String] {
        guard !required.isEmpty else { return [] }
        return required.filter { scope in
            !granted.contains { $0 == scope || implications[$0]?.contains(scope) == true }
        }
    }
}
