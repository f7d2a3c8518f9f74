// Signs an answer with the gateway's key and binds it to the request it answers.
import type { Answer } from '../../shared/http.js';
import { contentDigest } from '../../shared/wakeup/digest.js';
import type { NamedKey } from '../../shared/wakeup/keys.js';
import { signAnswer, signatureLabels } from '../../shared/wakeup/profile.js';
import type { SignableMessage } from '../../shared/wakeup/signature.js';

export function signedAnswer(options: {
  answer: Answer;
  request: SignableMessage;
  /** The label of the signature that was accepted, when one was. */
  acceptedLabel: string | undefined;
  key: NamedKey;
  nowMs: number;
}): Answer {
  const { answer, request, key, nowMs } = options;
  const headers = { ...answer.headers, 'content-digest': contentDigest(Buffer.from(answer.body)) };
  const fields = signAnswer({
    message: {
      status: answer.status,
      headers: new Map(Object.entries(headers).map(([name, value]) => [name, [value]])),
    },
    request,
    // A refused request is bound by its first signature, so that a caller knows whose refusal it reads.
    requestLabel: options.acceptedLabel ?? signatureLabels(request.headers)[0],
    key,
    nowMs,
  });
  return { ...answer, headers: { ...headers, ...fields } };
}
