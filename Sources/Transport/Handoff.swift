// A value on its way to the thread that will own it.

internal import Synchronization

/// Holds a value until one thread takes it, and does not keep it alive after that.
public final class Handoff<Value: Sendable>: Sendable {
    private let value: Mutex<Value?>

    /// Holds `value`.
    public init(_ value: Value) {
        self.value = Mutex(value)
    }

    /// The value, nil if it was taken before.
    public func take() -> Value? {
        value.withLock { held in
            defer { held = nil }
            return held
        }
    }
}
