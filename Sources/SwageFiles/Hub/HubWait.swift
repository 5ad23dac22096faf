/// How long a hub that is busy asks to wait.
enum HubWait {
    /// In seconds, at most five minutes; nil if it does not say.
    static func seconds(_ reply: HTTPReply) -> Int? {
        // `"api";r=0;t=55`: none remain, until 55 seconds from now.
        if let limit = reply.headers["ratelimit"]?.firstMatch(of: /"\w+"\s*;\s*r\s*=\s*(\d+)\s*;\s*t\s*=\s*(\d+)/), Int(limit.1) == 0,
            let seconds = Int(limit.2)
        {
            return min(300, seconds + 1)
        }
        return reply.number("retry-after").map { min(300, $0) }
    }
}
