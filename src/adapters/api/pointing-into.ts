import { SignalboxError } from "../../errors.ts";

/** The API's field pointers are relative to the resource; in an answer they point into the body that the client sent. */
export async function pointingInto<T>(type: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (thrown) {
    if (!(thrown instanceof SignalboxError) || thrown.fields.length === 0) throw thrown;
    const fields = thrown.fields.map((field) => ({ ...field, pointer: `/${type}${field.pointer}` }));
    throw new SignalboxError(thrown.code, thrown.message, { ...thrown.toJson(), fields, cause: thrown });
  }
}
