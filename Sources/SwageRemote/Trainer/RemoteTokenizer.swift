#if Engines
import GRPCCore
import Swage
import SwageText
import SwiftProtobuf

/// A tokenizer of a trainer in another process that no file can say: what it makes of texts is asked of it each time.
///
/// A call holds the thread that makes it until the answer comes.
final class RemoteTokenizer: Tokenizer {
    let endOfSequenceIDs: [Int32]
    private let connection: TrainerConnection
    private let tokens: [[UInt8]]

    var vocabularySize: Int { tokens.count }

    init(_ message: Swage_V1_GetTokenizerResponse, _ connection: TrainerConnection) {
        endOfSequenceIDs = message.endOfSequenceIds
        tokens = message.tokens.map { [UInt8]($0) }
        self.connection = connection
    }

    func encode(_ text: String, addSpecialTokens: Bool) throws -> [Int32] {
        try encoded(.text(.with { ($0.text, $0.addSpecialTokens) = (text, addSpecialTokens) })).ids
    }

    func encode(chat: Chat, addGenerationPrompt: Bool) throws -> TargetedTokens {
        try encoded(.chat(.init(chat, addGenerationPrompt: addGenerationPrompt))).targeted()
    }

    func encode(prompt: String, completion: String) throws -> TargetedTokens {
        try encoded(.completion(.with { ($0.prompt, $0.completion) = (prompt, completion) })).targeted()
    }

    func decode(_ ids: [Int32], skipSpecialTokens: Bool) throws -> String {
        let request = Swage_V1_DecodeRequest.with { ($0.ids, $0.skipSpecialTokens) = (ids, skipSpecialTokens) }
        return try connection.waiting { try await $0.decode(request, metadata: $1, options: $2) }.text
    }

    func bytes(of id: Int32) throws -> [UInt8] {
        guard tokens.indices.contains(Int(id)) else {
            throw TrainerError(.tokenOutOfRange, "the tokenizer has no token \(id)", expected: "an id in 0..<\(tokens.count)")
        }
        return tokens[Int(id)]
    }

    private func encoded(_ what: Swage_V1_EncodeRequest.OneOf_What) throws -> Swage_V1_EncodeResponse {
        let request = Swage_V1_EncodeRequest.with { $0.what = what }
        let response = try connection.waiting { try await $0.encode(request, metadata: $1, options: $2) }
        if let odd = response.ids.first(where: { !tokens.indices.contains(Int($0)) }) {
            throw TrainerError(.engineFailed, "the trainer's tokenizer has given the token \(odd)", expected: "an id in 0..<\(tokens.count)")
        }
        return response
    }
}

extension Swage_V1_EncodeResponse {
    init(_ tokens: TargetedTokens) {
        self.init()
        (ids, isTarget, owners, notes) = (tokens.ids, tokens.isTarget, tokens.owners, tokens.notes)
    }

    fileprivate func targeted() throws -> TargetedTokens {
        guard ids.count == isTarget.count else {
            throw TrainerError(.engineFailed, "the trainer's tokenizer has given \(ids.count) tokens", expected: "one mark for each, not \(isTarget.count)")
        }
        guard owners.isEmpty || owners.count == ids.count else {
            throw TrainerError(.engineFailed, "the trainer's tokenizer has given \(ids.count) tokens", expected: "one owner for each, not \(owners.count)")
        }
        var tokens = TargetedTokens(ids: ids, isTarget: isTarget, owners: owners.isEmpty ? nil : owners)
        tokens.notes = notes
        return tokens
    }
}

extension Swage_V1_EncodeRequest {
    /// What a tokenizer makes of the request.
    func response(by tokenizer: any Tokenizer) throws -> Swage_V1_EncodeResponse {
        switch what {
        case .text(let text):
            let ids = try tokenizer.encode(text.text, addSpecialTokens: text.addSpecialTokens)
            return .with { $0.ids = ids }
        case .chat(let chat):
            return .init(try tokenizer.encode(chat: try chat.chat, addGenerationPrompt: chat.addGenerationPrompt))
        case .completion(let text): return .init(try tokenizer.encode(prompt: text.prompt, completion: text.completion))
        case nil: throw TrainerError(.invalidData, "nothing is to be encoded", expected: "a text, a chat or a completion")
        }
    }
}
#endif
