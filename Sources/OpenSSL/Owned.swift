// One OpenSSL object with the one owner that frees it.

/// Owns one object of the C library.
///
/// Invariant of the unsafe code: `pointer` holds a reference that is ours alone to give up, and `free` is the
/// function of the library that gives it up.
@safe
struct Owned: ~Copyable {
    let pointer: OpaquePointer
    private let free: @convention(c) (OpaquePointer?) -> Void

    /// Takes over the reference that the library returned; nil if it returned none.
    init?(_ pointer: OpaquePointer?, freedBy free: @convention(c) (OpaquePointer?) -> Void) {
        guard let pointer = unsafe pointer else { return nil }
        unsafe self.pointer = pointer
        unsafe self.free = free
    }

    deinit {
        unsafe free(pointer)
    }
}
