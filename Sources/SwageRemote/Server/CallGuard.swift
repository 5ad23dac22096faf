#if Engines
import NIOCore
import NIOHPACK
import NIOHTTP2
import Swage

/// Stands between one call's HTTP/2 stream and gRPC: counts what the request holds, refuses in words what would be too
/// much, and ends a call whose client neither sends nor reads.
final class CallGuard: ChannelDuplexHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias InboundOut = HTTP2Frame.FramePayload
    typealias OutboundIn = HTTP2Frame.FramePayload
    typealias OutboundOut = HTTP2Frame.FramePayload

    private let limits: TrainerServer.Limits
    /// The bytes of all requests of the server.
    private let requests: Held
    private var held = 0
    private var hasWholeRequest = false
    /// The bytes before the message, of which all but the first say how long it is.
    private var prefix: [UInt8] = []
    private let prefixLength = 5
    private var isRefused = false
    private var deadline = NIODeadline.now()
    private var watch: Scheduled<Void>?

    init(_ limits: TrainerServer.Limits, requests: Held) { (self.limits, self.requests) = (limits, requests) }

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { awaitClient(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        awaitClient(context)
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if isRefused { return }
        switch unwrapInboundIn(data) {
        case .headers(let headers):
            hasWholeRequest = headers.endStream
        case .data(let part):
            deadline = .now() + TimeAmount(limits.stall)
            hasWholeRequest = part.endStream
            let count = part.data.readableBytes
            // gRPC would break a call off whose message is announced to be too long, and say nothing.
            guard max(held + count - prefixLength, announced(part.data)) <= TrainerServer.maximumMessageBytes else {
                return refuse(
                    context, .tooLarge, "the request has more than \(TrainerServer.maximumMessageBytes) bytes")
            }
            guard requests.take(count, beyond: held) else {
                return refuse(
                    context, .busy, "the requests that wait here hold \(requests.limit) bytes already, and this one was not taken")
            }
            held += count
        default: break
        }
        context.fireChannelRead(data)
    }

    /// How long the message is, by its first bytes; 0 as long as they are not there.
    private func announced(_ data: IOData) -> Int {
        if prefix.count < prefixLength, case .byteBuffer(let buffer) = data {
            prefix += buffer.readableBytesView.prefix(prefixLength - prefix.count)
        }
        return prefix.count < prefixLength ? 0 : prefix.dropFirst().reduce(0) { $0 << 8 | Int($1) }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if isRefused {
            promise?.fail(ChannelError.ioOnClosedChannel)
        } else {
            context.write(data, promise: promise)
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if !context.channel.isWritable { awaitClient(context) }
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { end() }

    private func end() {
        watch?.cancel()
        watch = nil
        if held > 0 { requests.release(held) }
        held = 0
    }

    /// Answers in place of the service, and lets nothing more of the request in.
    private func refuse(_ context: ChannelHandlerContext, _ code: TrainerError.Code, _ words: String) {
        isRefused = true
        end()
        let headers: HPACKHeaders = [
            ":status": "200", "content-type": "application/grpc", "grpc-status": code == .deadlineExceeded ? "4" : "8",
            "grpc-message": words, "swage-error-code": code.rawValue,
        ]
        context.write(wrapOutboundOut(.headers(.init(headers: headers, endStream: true))), promise: nil)
        // The answer is whole; the client is asked to send no more.
        context.writeAndFlush(wrapOutboundOut(.rstStream(.noError)), promise: nil)
    }

    /// Gives the client time until ``TrainerServer/Limits/stall`` has passed without a sign of it.
    private func awaitClient(_ context: ChannelHandlerContext) {
        deadline = .now() + TimeAmount(limits.stall)
        if watch == nil { schedule(context) }
    }

    private func schedule(_ context: ChannelHandlerContext) {
        watch = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { [self] in
            watch = nil
            guard !isRefused, !hasWholeRequest || !context.channel.isWritable else { return }
            if NIODeadline.now() < deadline { return schedule(context) }
            if !hasWholeRequest { return refuse(context, .deadlineExceeded, "nothing of the request has come for \(limits.stall)") }
            context.close(promise: nil)
        }
    }
}
#endif
