/** An error of typebox's `Errors`, as far as it is shown. */
interface SchemaError {
  readonly keyword: string;
  readonly message: string;
  readonly params: object;
}

/** What is wrong, to follow the name of what is wrong: for one of several words it names them. */
export function schemaMistake({ keyword, message, params }: SchemaError): string {
  if (keyword === "enum" && "allowedValues" in params && Array.isArray(params.allowedValues)) {
    return `must be one of ${params.allowedValues.join(", ")}`;
  }
  return message;
}
