package import Swage

extension ExampleRow {
    /// Takes what a chat template is told beside the messages: tools, documents, a system message, arguments of the template.
    /// - Throws: ``TrainerError`` with code `invalidData`, naming the key.
    package mutating func takeChat(_ messages: [ChatMessage]) throws -> Chat {
        let isEmpty = ["tools", "functions"].contains { self[$0]?.list?.isEmpty == true }
        let tools = try takeTools()
        var arguments = try takeTemplateArguments()
        if isEmpty { arguments[ChatTemplate.emptyTools] = .list([]) }
        return Chat(
            try withSystem(messages), tools: tools, documents: try takeList("documents", of: "documents"), templateArguments: arguments)
    }

    /// Puts what stands under `system` before a conversation.
    /// - Throws: ``TrainerError`` with code `invalidData` where it has another system message.
    package mutating func withSystem(_ messages: [ChatMessage]) throws -> [ChatMessage] {
        guard let (key, value) = try take(oneOf: ["system", "system_prompt"]) else { return messages }
        guard let text = value.text else { throw TrainerError(.invalidData, "\"\(key)\" is \(value.summary)", expected: "a text") }
        guard !text.isEmpty else { return messages }
        guard let first = messages.first, first.role == "system" || first.role == "developer" else {
            return [ChatMessage(role: "system", content: text)] + messages
        }
        guard first.content.hasSameBytes(as: text) else {
            throw TrainerError(.invalidData, "\"\(key)\" is another text than the system message", expected: "one of them")
        }
        return messages
    }

    private mutating func takeTools() throws -> [JSONValue] {
        guard let key = try key(oneOf: ["tools", "functions"]) else { return [] }
        let tools = try takeList(key, of: "tools, each an object")
        // What OpenAI called functions is what it calls tools now, without their type.
        return key == "functions" ? tools.map { ["type": "function", "function": $0] } : tools
    }

    private mutating func takeList(_ key: String, of what: String) throws -> [JSONValue] {
        guard let value = take(key), value != .text("") else { return [] }
        let parsed = try? value.parsed
        guard let list = parsed?.list, list.allSatisfy({ $0.object != nil }) else {
            throw TrainerError(.invalidData, "\"\(key)\" is \(value.summary)", expected: "a list of \(what)")
        }
        return list
    }

    private static let namesOfTheTemplate = ["messages", "tools", "documents", "add_generation_prompt", "continue_final_message"]

    private mutating func takeTemplateArguments() throws -> JSONObject {
        var arguments: JSONObject = [:]
        if let value = take("chat_template_kwargs") {
            guard let object = value.object else {
                throw TrainerError(.invalidData, "\"chat_template_kwargs\" is \(value.summary)", expected: "an object")
            }
            if let taken = Self.namesOfTheTemplate.first(where: { object[$0] != nil }) {
                throw TrainerError(
                    .invalidData, "\"chat_template_kwargs\" has \"\(taken)\", which a chat template is told by other means",
                    expected: "arguments of the template's own")
            }
            arguments = object
        }
        if let value = take("enable_thinking") {
            if let other = arguments["enable_thinking"], other != value {
                throw TrainerError(
                    .invalidData, "\"enable_thinking\" is \(value.summary), and \(other.summary) in \"chat_template_kwargs\"", expected: "one of them")
            }
            arguments["enable_thinking"] = value
        }
        return arguments
    }
}
