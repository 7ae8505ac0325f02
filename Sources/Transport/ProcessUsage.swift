// What the process uses of the machine, as the kernel counts it.

internal import Bytes
internal import Glibc

/// Processor time, memory and descriptors of this process.
public struct ProcessUsage: Sendable {
    /// Processor time in microseconds, of the program and of the kernel for it.
    public var processorTime = 0
    /// Memory that is present, in bytes.
    public var residentBytes = 0
    /// Address space, in bytes.
    public var virtualBytes = 0
    /// Open descriptors.
    public var descriptors = 0
    /// Most descriptors that may be open.
    public var maximumDescriptors = 0

    /// Nothing is known.
    public init() {}

    /// What the kernel says now; what it does not say stays 0.
    public static func now() -> ProcessUsage {
        var usage = ProcessUsage()
        var times = rusage()
        if unsafe getrusage(RUSAGE_SELF.rawValue, &times) == 0 {
            usage.processorTime = microseconds(times.ru_utime) + microseconds(times.ru_stime)
        }
        let pages = memoryPages()
        if pages.count >= 2 {
            let size = Int(sysconf(CInt(_SC_PAGESIZE)))
            usage.virtualBytes = pages[0] * size
            usage.residentBytes = pages[1] * size
        }
        usage.descriptors = openDescriptors()
        var limit = rlimit()
        if unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            usage.maximumDescriptors = Int(clamping: limit.rlim_cur)
        }
        return usage
    }

    private static func microseconds(_ time: timeval) -> Int {
        Int(time.tv_sec) * 1_000_000 + Int(time.tv_usec)
    }

    /// The numbers of `/proc/self/statm`: address space, and what of it is present, in pages.
    private static func memoryPages() -> [Int] {
        guard let text = try? FileContent.read("/proc/self/statm", maximumBytes: 4096) else { return [] }
        return String(lossy: text.span).split(separator: " ").compactMap { Int($0) }
    }

    private static func openDescriptors() -> Int {
        guard let folder = unsafe opendir("/proc/self/fd") else { return 0 }
        defer { unsafe closedir(folder) }
        var count = 0
        while let entry = unsafe readdir(folder) {
            // "." and "..", whose first octet no descriptor has.
            if unsafe entry.pointee.d_name.0 != CChar(bitPattern: UInt8(ascii: ".")) { count += 1 }
        }
        // The folder itself is open.
        return max(count - 1, 0)
    }
}
