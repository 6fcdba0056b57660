package apitest

// spec is a small document that has every kind of rule a Checker holds an
// answer or a message to.
const spec = `
openapi: 3.1.0
info: {title: Shelf, version: "1"}
paths:
  /books/{id}:
    parameters: [{name: id, in: path, required: true, schema: {type: string}}]
    get:
      responses:
        "200":
          description: A book.
          headers:
            X-Shelf: {required: true, schema: {type: string, pattern: "^[A-Z]$"}}
            X-Copies: {schema: {type: integer, minimum: 1}}
          content:
            application/hal+json:
              schema: {$ref: "#/components/schemas/Book"}
            text/plain:
              schema: {type: string, minLength: 3}
        "404": {$ref: "#/components/responses/NotFound"}
    delete:
      responses:
        "204": {description: Gone.}
  /books/first:
    get:
      responses:
        "200":
          description: The first book's title.
          content:
            text/plain: {schema: {type: string}}
  /page:
    get:
      x-assets: /page/
      responses:
        "200":
          description: A page.
          content:
            text/html: {schema: {type: string}}
webhooks:
  sold:
    post:
      parameters: [{name: X-Count, in: header, required: true, schema: {type: integer}}]
      requestBody:
        content:
          application/json: {schema: {$ref: "#/components/schemas/Book"}}
      responses:
        "204": {description: Taken note of.}
components:
  responses:
    NotFound:
      description: Nothing here.
      content:
        application/json: {schema: {$ref: "#/components/schemas/Error"}}
    MethodNotAllowed:
      description: Not so.
      headers:
        Allow: {required: true, schema: {type: string}}
      content:
        application/json: {schema: {$ref: "#/components/schemas/Error"}}
  schemas:
    Error:
      type: object
      additionalProperties: false
      required: [code]
      properties: {code: {type: string}}
    Book:
      type: object
      additionalProperties: false
      required: [title, price, sold]
      properties:
        title: {type: string}
        price: {type: number}
        sold: {type: [string, "null"], format: date-time}
        shelf: {enum: [A, B, null]}
`
