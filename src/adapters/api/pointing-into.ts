import { SignalboxError } from "../../errors.ts";

/**
 * The API's field pointers are relative to the resource; in an answer they point into the body that the client sent.
 * @param path of the resource in the body, such as its type
 */
export async function pointingInto<T>(path: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (thrown) {
    if (!(thrown instanceof SignalboxError) || thrown.fields.length === 0) throw thrown;
    const fields = thrown.fields.map((field) => ({ ...field, pointer: `/${path}${field.pointer}` }));
    throw new SignalboxError(thrown.code, thrown.message, { ...thrown.toJson(), fields, cause: thrown });
  }
}
