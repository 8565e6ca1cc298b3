/* global Redoc */
const { nonce } = document.querySelector('script[nonce]');
Redoc.init(
  '/admin/v1/openapi.json',
  { nonce, disableSearch: true, hideLoading: true, nativeScrollbars: true, sortTagsAlphabetically: true },
  document.getElementById('reference'),
);
