// gRPC server reflection, v1 and v1alpha
// (https://github.com/grpc/grpc/blob/master/doc/server-reflection.md): what lets
// `buf curl --reflect`, grpcurl and Postman call without proto files. Anybody may ask: the proto
// files are public.

import type { DescFile, DescService, MessageInitShape } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { file_google_rpc_error_details } from "#gen/google/rpc/error_details_pb.ts";
import {
  ServerReflection,
  type ServerReflectionRequest,
  type ServerReflectionResponseSchema,
} from "#gen/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection as ServerReflectionAlpha } from "#gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { file_tapin_error_v1_error } from "#gen/tapin/error/v1/error_pb.ts";
import { type Descriptors, indexDescriptors, withImports } from "./descriptors.ts";
import { bidiStream, type Operation } from "./operation.ts";

/** The reflection services. */
export const REFLECTION_SERVICES: readonly DescService[] = [
  ServerReflection,
  ServerReflectionAlpha,
];

/** The operations of the reflection services, which tell about `services`. */
export function reflectionOperations(services: readonly DescService[]): readonly Operation[] {
  // What errors carry is in no signature, yet a client that shows an error looks it up.
  const extra = [file_google_rpc_error_details, file_tapin_error_v1_error];
  const known = {
    services: services.map(({ typeName }) => typeName),
    descriptors: indexDescriptors([...services.map(({ file }) => file), ...extra]),
  };
  async function* answers(requests: AsyncIterable<ServerReflectionRequest>) {
    const sent = new Set<DescFile>();
    for await (const request of requests) yield answerTo(request, known, sent);
  }
  return [
    bidiStream(ServerReflection.method.serverReflectionInfo, "anybody", answers),
    // The two versions are the same but for their package.
    bidiStream(ServerReflectionAlpha.method.serverReflectionInfo, "anybody", answers as never),
  ];
}

/** Plain fields, which fit both versions. */
type Answer = Exclude<
  MessageInitShape<typeof ServerReflectionResponseSchema>,
  { $typeName: string }
>;

type Outcome = NonNullable<Answer["messageResponse"]>;

interface Known {
  readonly services: readonly string[];
  readonly descriptors: Descriptors;
}

function answerTo(request: ServerReflectionRequest, known: Known, sent: Set<DescFile>): Answer {
  const { host, messageRequest } = request;
  return {
    validHost: host,
    originalRequest: { host, messageRequest },
    messageResponse: answerOf(messageRequest, known, sent),
  };
}

function answerOf(
  asked: ServerReflectionRequest["messageRequest"],
  { services, descriptors }: Known,
  sent: Set<DescFile>,
): Outcome {
  const files = (file: DescFile | undefined) => fileAnswer(descriptors, file, sent);
  switch (asked.case) {
    case "listServices":
      return listAnswer(services);
    case "fileByFilename":
      return files(descriptors.file(asked.value));
    case "fileContainingSymbol":
      return files(descriptors.fileOf(asked.value));
    case "fileContainingExtension": {
      const { containingType, extensionNumber } = asked.value;
      return files(descriptors.fileOfExtension(containingType, extensionNumber));
    }
    case "allExtensionNumbersOfType":
      return numbersAnswer(asked.value, descriptors.extensionsOf(asked.value));
    default:
      return errorAnswer(Code.InvalidArgument, "The request asks for nothing that is known.");
  }
}

/** The file, and of what it imports all that was not sent on this stream yet. */
function fileAnswer(
  { bytesOf }: Descriptors,
  file: DescFile | undefined,
  sent: Set<DescFile>,
): Outcome {
  if (file === undefined) return errorAnswer(Code.NotFound, "There is no such file or symbol.");
  const fresh = [...withImports([file])].filter((each) => each === file || !sent.has(each));
  for (const each of fresh) sent.add(each);
  return {
    case: "fileDescriptorResponse",
    value: { fileDescriptorProto: fresh.map(bytesOf) },
  };
}

function listAnswer(services: readonly string[]): Outcome {
  const service = services.map((name) => ({ name }));
  return { case: "listServicesResponse", value: { service } };
}

function numbersAnswer(baseTypeName: string, numbers: readonly number[] | undefined): Outcome {
  if (numbers === undefined) return errorAnswer(Code.NotFound, "There is no such message type.");
  const value = { baseTypeName, extensionNumber: [...numbers] };
  return { case: "allExtensionNumbersResponse", value };
}

/** `Code` has the numbers of gRPC. */
function errorAnswer(errorCode: Code, errorMessage: string): Outcome {
  return { case: "errorResponse", value: { errorCode, errorMessage } };
}
