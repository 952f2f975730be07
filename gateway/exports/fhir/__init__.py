"""Things as HL7 FHIR R4, by the Personal Health Device guide (STU2, http://hl7.org/fhir/uv/phd). docs/fhir.md says what becomes what."""
